return {
    doc = "each commit moves the generation, a revert too; a refusal does not",
    round = false,
    again = false,
    after = function(m, t)
        local g = t.report.generation
        t.ok(g >= 1, "a number")
        local refused = t.push("return 1 +")
        t.eq(refused.status, "load_failed", "bad source")
        local again = t.push("local M = {} function M.f() return 3 end return M")
        t.eq(again.generation, g + 1, "next")
        t.eq(t.hotpatch.revert().generation, g + 2, "revert")
    end,
}
