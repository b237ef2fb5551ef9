return {
    doc = "instances counts the closures that factories made; they share one prototype",
    round = false,
    before = function(m, t) for i = 1, 50 do t.keep[i] = m.make(i) end end,
    after = function(m, t)
        t.eq(t.report.instances, 100, "two closures each")
        collectgarbage()
        local before = collectgarbage("count")
        t.eq(t.hotpatch.revert().status, "reverted", "revert")
        t.eq(t.push(t.text("new.lua")).status, "applied", "again")
        collectgarbage()
        collectgarbage()
        t.ok(collectgarbage("count") - before < 30, "no copy of the code for each: " .. collectgarbage("count") - before)
        for i = 1, 50 do t.eq(t.keep[i].add(i), 2 * i, "own state") end
    end,
}
