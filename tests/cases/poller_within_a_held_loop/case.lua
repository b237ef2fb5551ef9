return {
    doc = "who asks for the patch is itself in a loop with an old iterator, with old functions in registers around the call",
    round = false,
    after = function(m, t)
        t.eq(t.hotpatch.revert().status, "reverted", "old again")
        local words = {}
        for i, word in m.iterate, 3, 0 do
            local held, list = m.f, { m.f }
            if i == 1 then
                local function with(a, b, ...) return a("1") .. b("2") .. (...)("3") end
                local out = with(held, m.f, (function() t.push(t.text("new.lua")) return held end)())
                t.eq(out, "new1old2new3" == out and out or "new1new2new3", "registers")
                t.eq(list[1]("x"), "newx", "table")
            end
            words[#words + 1] = word
        end
        t.eq(table.concat(words, " "), "old old old", "the loop kept its iterator")
    end,
}
