return {
    doc = "a cell of the module is not counted as a place elsewhere, whichever closure that shares it is met first",
    round = false,
    before = function(m, t)
        for i = 1, 40 do
            local work
            local function other(x) return work(x) end
            debug.upvaluejoin(other, 1, m.go, 1)
            package.loaded["shares." .. i] = other
        end
    end,
    after = function(m, t)
        t.eq(t.hotpatch.revert().status, "reverted", "revert: what the runner's pictures hold is gone now")
        local report = t.push(t.text("new.lua"))
        t.eq(report.references.upvalue, 0, "no cell elsewhere")
        for i = 1, 40 do
            t.eq(package.loaded["shares." .. i](i), "new " .. i, "and all follow")
            package.loaded["shares." .. i] = nil
        end
    end,
}
