-- What goes to which stream: json and msgpack are clean on pipes, diagnostics go to standard error, colours to no pipe.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
h.test(function()
    local s = h.server { modules = { m = h.module("one") } }
    local pid = tostring(s.pid)
    h.write("new.lua", h.module("two", 2))
    h.write("bad.lua", "local M = {}\nfunction M.f( return 1 end\nreturn M\n")

    for _, case in ipairs {
        { 0, "diff", "--pid", pid, "m=new.lua" }, { 0, "status", "--pid", pid }, { 0, "log", "--pid", pid }, { 0, "ps" },
        { 0, "inspect", "--pid", pid, "m" }, { 0, "eval", "--pid", pid, "-e", "return 1" },
        { 1, "push", "--pid", pid, "m=bad.lua" }, { 3, "push", "--pid", pid, "string=new.lua" },
        { 4, "push", "--pid", "2147483000", "m=new.lua" }, { 1, "eval", "--pid", pid, "-e", "error 'x'" },
    } do
        local exit = table.remove(case, 1)
        local line = table.concat(case, " ")
        local report, r = h.report(exit, case)
        if case[1] ~= "ps" then
            h.ok(type(report.status) == "string", "a status: " .. line)
            h.eq(report.protocol, 1, "protocol: " .. line)
        end
        if exit == 0 then h.eq(r.err, "", "standard error: " .. line) end

        local args = table.move(case, 1, #case, 1, {})
        args[#args + 1] = "--format=msgpack"
        local binary = h.must(exit, args)
        local first = binary.out:byte()
        local wanted
        if case[1] == "ps" then
            wanted = first & 0xf0 == 0x90 or first == 0xdc or first == 0xdd -- the three ways to begin an array
        else
            wanted = first & 0xf0 == 0x80 or first == 0xde or first == 0xdf -- and a map
        end
        h.ok(wanted, "msgpack begins with a " .. (case[1] == "ps" and "list" or "map") .. ": " .. line)

        local text = h.must(exit, case)
        h.lacks(text.out .. text.err, "\27", "no colours: " .. line)
        if exit ~= 0 then h.has(text.err, "hotpatch: ", "a diagnostic: " .. line) end
    end
    h.lacks(h.must(0, { "diff", "--pid", pid, "m=new.lua", env = "NO_COLOR=1" }).out, "\27", "NO_COLOR")

    -- quiet
    h.eq(h.must(0, { "push", "--quiet", "--pid", pid, "m=new.lua" }).out, "", "quiet success")
    local text = h.must(0, { "revert", "--pid", pid }).out
    h.has(text, "revert", "text of revert")

    -- what people read: names, lines, cost
    text = h.must(0, { "push", "--pid", pid, "m=new.lua" }).out
    h.has(text, "hit", "function")
    h.has(text, "total", "upvalue")
    h.has(text, "replaced", "verdict")
    h.has(text, "paused", "cost")

    -- control characters of the server do not reach a terminal's stream
    text = h.must(0, { "eval", "--pid", pid, "-e", "return 'a\\27[31mb'" }).out
    h.lacks(text, "\27", "control characters")

    -- a reader that goes away
    local _, _, code = os.execute(("HOTPATCH_DIR=%s %s status --pid %s --format=json >/dev/full 2>/dev/null"):format(
        h.quote(h.rundir), h.quote(os.getenv "E2E_COMMAND"), pid))
    h.ok(code ~= 0, "a full disk is no success")
end)
