return {
    doc = "metatables are entered as tables: changed metamethods change, new ones are added",
    before = function(m) m.put("a", 1) end,
    expect = { functions = { ["get^objects@mt.__index|put^objects@mt.__index|call^objects@mt.__index"] = "replaced",
                             ["get^objects@mt.__len|put^objects@mt.__len|call^objects@mt.__len"] = "added", len = "added" } },
    after = function(m, t)
        t.eq(m.get("a"), 1, "state")
        t.eq(m.get("b"), "none of b", "changed")
        t.eq(m.len(), 42, "added")
        t.eq(m.call(), 1, "unchanged")
    end,
    revert = function(m, t) t.eq(m.get("b"), "no b", "back") end,
}
