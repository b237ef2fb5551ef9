return {
    doc = "a patch asked for by a finalizer does harm to nobody",
    after = function(m, t)
        local result
        do
            local trap = setmetatable({}, { __gc = function()
                result = table.pack(pcall(t.hotpatch.patch, { module = "m", source = t.text("old.lua"), file = "m.lua" }))
            end })
            trap = nil
        end
        collectgarbage()
        collectgarbage()
        t.ok(result, "the finalizer ran")
        t.ok(collectgarbage("isrunning"), "the collector runs")
        local f = m.f()
        t.ok(f == 1 or f == 10, "old or new")
        if result[1] and result[2].status == "applied" then t.eq(t.hotpatch.revert().status, "reverted", "that one") end
    end,
}
