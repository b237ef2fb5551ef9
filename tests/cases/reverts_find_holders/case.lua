return {
    doc = "pushes and then reverts, one after the other: holders elsewhere follow each step, also keys, locals and cells",
    round = false,
    before = function(m, t)
        local held = m.f
        t.keep.list, t.keep.keys, t.keep.cell = { m.f }, { [m.f] = 1 }, function() return held() end
        t.keep.co = coroutine.wrap(function(f) while true do coroutine.yield((f())) end end)
        t.keep.co(m.f)
    end,
    after = function(m, t)
        local function all(word, what)
            t.ok(t.keep.list[1] == m.f and t.keep.keys[m.f] == 1 and next(t.keep.keys, m.f) == nil, what .. ": tables")
            t.eq((m.f()), word, what .. ": module")
            t.eq((t.keep.cell()), word, what .. ": cell")
            t.eq(t.keep.co(), word, what .. ": local of a coroutine")
        end
        local text = t.text("new.lua")
        for _, word in ipairs { "newer", "newest" } do
            t.eq(t.push((text:gsub('"new"', '"' .. word .. '"'))).status, "applied", word)
            all(word, word)
            collectgarbage()
        end
        for _, word in ipairs { "newer", "new", "old" } do
            local report = t.hotpatch.revert()
            t.eq(report.status, "reverted", "back to " .. word)
            t.ok(report.references.table + report.references.key + report.references.coroutine > 0, "counted")
            collectgarbage()
            all(word, "back to " .. word)
        end
        t.eq(t.push(text).status, "applied", "and again")
        all("new", "again")
    end,
    revert = function(m, t) t.eq((t.keep.cell()), "old", "back") end,
}
