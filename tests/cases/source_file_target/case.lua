return {
    doc = "@path (code that no module table holds) is for when the heap is searched: until then a sentence, and no change",
    target = "@plugins/x.lua",
    load = function(t)
        local text = t.text("old.lua")
        t.note.plugin = assert(load(text, "@plugins/x.lua"))()
        plugin_registry = { t.note.plugin }
        return t.note.plugin
    end,
    base = "client",
    before = function(m) m.act() end,
    expect = { status = "unsupported", error = "." },
    after = function(m, t) t.eq(plugin_registry[1].act(), 2, "code and state") end,
}
