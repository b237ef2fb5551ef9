return {
    doc = "a local that one push brought is state for the next, and stays when the last goes",
    expect = { absent = { "get^b" } },
    after = function(m, t)
        m.get()
        local report = t.push("local M = {}\nlocal a = 1\nlocal b = 2\nlocal c = 3\n" ..
            "function M.get() b = b + 1 c = c + 1 return a, b, c end\nreturn M\n")
        t.eq(report.status, "applied", "second")
        local a, b, c = m.get()
        t.eq(b, 4, "b goes on")
        t.eq(c, 4, "c begins")
        t.eq(t.push("local M = {}\nlocal a = 1\nlocal c = 3\nfunction M.get() c = c + 1 return a, c end\nreturn M\n").status,
             "applied", "third, without b")
        t.eq(select(2, m.get()), 5, "c goes on")
        t.eq(t.hotpatch.revert().status, "reverted", "third taken back")
        a, b, c = m.get()
        t.eq(b, 5, "b was never lost")
        t.eq(c, 6, "nor c")
        t.eq(t.hotpatch.revert().status, "reverted", "second taken back")
        t.eq(select(2, m.get()), 6, "b")
    end,
    revert = function(m, t) t.eq(m.get(), 1, "the first") end,
}
