return {
    doc = "hotpatch.reload reads the file that require would, and lets it win on every function",
    round = false,
    after = function(m, t)
        m.f()
        m.g = function() return "by the server" end
        local file = assert(io.open(t.dir .. "/m.lua", "w"))
        file:write("local M = {}\nlocal n = 0\nfunction M.f() n = n + 5 return n end\n" ..
            "function M.g() return 'from the file' end\nreturn M\n")
        file:close()
        local report = t.hotpatch.reload("m")
        t.eq(report.status, "applied", "status")
        t.eq(m.f(), 6, "code and state")
        t.eq(m.g(), "from the file", "the file wins")
    end,
}
