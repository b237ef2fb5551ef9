return {
    doc = "two modules in one push that hold each other's functions, in tables, locals and keys",
    modules = { { module = "a", old = "old.lua", new = "new.lua" }, { module = "b", old = "old_b.lua", new = "new_b.lua" } },
    before = function(a, t)
        local b = require "b"
        a.theirs[b.g] = b.g
        a.theirs.g = b.g
        b.keep(a.f)
        t.keep.both = { [a.f] = b.g, [b.g] = a.f }
    end,
    expect = { functions = { f = "replaced", g = "replaced", keep = "replaced" } },
    after = function(a, t)
        local b = require "b"
        t.ok(a.theirs[b.g] == b.g and a.theirs.g == b.g, "b's in a's table")
        t.eq(b.g(), "new b:new a1", "a's in b's local")
        t.ok(t.keep.both[a.f] == b.g and t.keep.both[b.g] == a.f, "each under the other")
    end,
    revert = function(a, t)
        local b = require "b"
        t.eq(b.g(), "old b:old a2", "back")
        t.ok(t.keep.both[a.f] == b.g and t.keep.both[b.g] == a.f, "each under the other")
    end,
}
