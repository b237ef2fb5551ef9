return {
    doc = "@path: a file that a server loads its own way, once for each host; each instance is joined to its own cells",
    target = "@plugins/hits.lua",
    load = function(t)
        for _, host in ipairs { "a", "b", "c" } do
            t.keep[host] = assert(load(t.text("old.lua"), "@plugins/hits.lua"))(host)
        end
        return t.keep.a
    end,
    base = "client",
    before = function(m, t) t.keep.b.hit() t.keep.c.hit() t.keep.c.hit() end,
    expect = { status = "applied" },
    after = function(m, t)
        t.eq(select(2, t.keep.a.hit()), 10, "a")
        t.eq(select(2, t.keep.b.hit()), 11, "b")
        t.eq(select(2, t.keep.c.hit()), 12, "c")
        t.eq((t.keep.c.hit()), "c", "its own host")
    end,
}
