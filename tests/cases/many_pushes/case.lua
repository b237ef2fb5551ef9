return {
    doc = "a hundred pushes, the last sixty-four of which can be reverted",
    round = false,
    expect = { status = "applied" },
    after = function(m, t)
        local function source(v)
            return ("local M = {} local n = 0 function M.f() n = n + 1 return %d, n end return M"):format(v)
        end
        for v = 2, 100 do t.eq(t.push(source(v)).status, "applied", "push " .. v) end
        t.eq(m.f(), 100, "last")
        local reverted = 0
        while reverted < 63 do
            t.eq(t.hotpatch.revert().status, "reverted", "revert " .. reverted)
            reverted = reverted + 1
        end
        t.eq(m.f(), 37, "63 back")
        t.eq(select(2, m.f()), 3, "state")
    end,
    revert = function(m, t)
        t.eq(m.f(), 36, "the sixty-fourth")
        t.eq(t.hotpatch.revert().status, "refused", "no more than that")
    end,
}
