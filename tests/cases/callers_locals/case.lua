return {
    doc = "the stack of whoever asked for the patch is looked at as well",
    after = function(m, t)
        local held = m.f
        local function deeper(argument)
            local report = t.push("local M = {}\nfunction M.f() return 'newer' end\nreturn M\n")
            t.eq(report.status, "applied", "status")
            return argument(), held()
        end
        local a, b = deeper(held)
        t.eq(a, "newer", "argument of the caller")
        t.eq(b, "newer", "upvalue of the caller, which is a local further up")
        t.eq(held(), "newer", "local further up")
        t.eq(t.hotpatch.revert().status, "reverted", "revert")
        t.eq(held(), "new", "local further up")
    end,
}
