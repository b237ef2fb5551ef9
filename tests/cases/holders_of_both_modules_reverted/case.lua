return {
    doc = "two modules at once, pushed together, then one of them alone; reverts find each one's holders",
    modules = { { module = "a", old = "old.lua", new = "new.lua" }, { module = "b", old = "old_b.lua", new = "new_b.lua" } },
    round = false,
    before = function(a, t) t.keep.list = { a.f, require "b".g, [a.f] = "a", [require "b".g] = "b" } end,
    after = function(a, t)
        local b, list = require "b", t.keep.list
        local function is(x, y, what)
            t.eq(list[1](), x .. " a", what)
            t.eq(list[2](), y .. " b", what)
            t.ok(list[a.f] == "a" and list[b.g] == "b", what .. ": keys")
        end
        is("new", "new", "both")
        local text = t.text("new_b.lua"):gsub("new", "newer")
        t.eq(t.hotpatch.patch({ module = "b", source = text, file = "b.lua" }).status, "applied", "one alone")
        is("new", "newer", "one alone")
        t.eq(t.hotpatch.revert().status, "reverted", "one back")
        is("new", "new", "one back")
    end,
    revert = function(a, t)
        t.eq(t.keep.list[1]() .. t.keep.list[2](), "old aold b", "both back")
        t.ok(t.keep.list[a.f] == "a" and t.keep.list[require "b".g] == "b", "keys")
    end,
}
