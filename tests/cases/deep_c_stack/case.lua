return {
    doc = "asked for at any depth of C calls, a push works or says why not, and the next one works",
    after = function(m, t)
        local spec = { module = "m", file = "m.lua", source = t.text("new.lua"):gsub("%+ 10", "+ 20") }
        local function descend(depth)
            if depth == 0 then
                return select(2, pcall(t.hotpatch.patch, spec))
            end
            local result
            local ok, problem = pcall(string.gsub, "x", "x", function() result = descend(depth - 1) end)
            return result or problem
        end
        for _, depth in ipairs { 10, 60, 85, 90, 93, 95, 97 } do
            local result = descend(depth)
            if type(result) == "table" and result.status == "applied" then t.eq(t.hotpatch.revert().status, "reverted", "at " .. depth) end
        end
        t.eq(t.hotpatch.patch(spec).status, "applied", "afterwards")
        t.eq(m.f(), 20, "code")
        t.eq(t.hotpatch.revert().status, "reverted", "afterwards")
    end,
}
