return {
    doc = "ten diffs in a row change nothing and say the same",
    before = function(m, t)
        for _ = 1, 10 do
            t.eq(t.hotpatch.diff { module = "m", source = t.text("new.lua"), file = "m.lua" }.status, "planned", "status")
        end
        t.eq(m.f(), 1, "nothing changed")
    end,
    round = false,
    after = function(m, t) t.eq(t.hotpatch.log().patches[1].patch, t.report.patch, "diffs have no numbers") end,
}
