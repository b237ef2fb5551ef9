return {
    doc = "@path: code that no module table holds, found by its source and told apart by its base",
    target = "@plugins/x.lua",
    load = function(t)
        local text = t.text("old.lua")
        t.note.plugin = assert(load(text, "@plugins/x.lua"))()
        plugin_registry = { t.note.plugin }
        return t.note.plugin
    end,
    base = "client",
    before = function(m) m.act() end,
    expect = { status = "applied" },
    after = function(m, t) t.eq(plugin_registry[1].act(), 11, "code and state") end,
    revert = function(m, t) t.eq(plugin_registry[1].act(), 12, "back") end,
}
