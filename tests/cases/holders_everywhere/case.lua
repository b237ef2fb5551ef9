return {
    doc = "other modules' locals, lists, keys, weak tables, metatables, wrapped coroutines and the registry all get the new function",
    before = function(m, t)
        local k = t.keep
        require "friend"
        k.list = { 1, m.f, { deep = { m.f } } }
        k.keyed = { [m.f] = "value" }
        k.weak = setmetatable({ m.f, [m.f] = 1 }, { __mode = "kv" })
        k.object = setmetatable({}, { __index = m.f, __call = m.f, __metatable = false })
        k.wrapped = coroutine.wrap(m.f)
        k.created = coroutine.create(m.f)
        debug.setmetatable(true, { __call = m.f })
        debug.getregistry()[t] = m.f
    end,
    expect = { functions = { f = "replaced" } },
    round = false,
    after = function(m, t)
        local k = t.keep
        t.eq((require "friend".call()), "new", "a local of another module")
        t.ok(k.list[2] == m.f and k.list[3].deep[1] == m.f, "table values")
        t.ok(k.keyed[m.f] == "value" and next(k.keyed, m.f) == nil, "a key, with its value")
        t.ok(k.weak[1] == m.f and k.weak[m.f] == 1, "weak tables")
        t.eq((k.object.anything), "new", "__index of a hidden metatable")
        t.eq((k.object()), "new", "__call")
        t.eq((k.wrapped()), "new", "the body of a wrapped coroutine that has not started")
        t.eq(select(2, coroutine.resume(k.created)), "new", "of a created one")
        t.eq((true)(), "new", "metatable of booleans")
        t.ok(debug.getregistry()[t] == m.f, "registry")
        t.ok(t.report.references.table > 0 and t.report.references.upvalue > 0 and t.report.references.key > 0, "counted")
        t.eq(t.report.searched, "heap", "searched")
    end,
    revert = function(m, t)
        t.eq((require "friend".call()), "old", "back in another module")
        t.ok(t.keep.keyed[m.f] == "value", "back as a key")
        t.eq((t.keep.object()), "old", "back in a metatable")
        t.eq((true)(), "old", "back in a basic type")
        debug.setmetatable(true, nil)
        debug.getregistry()[t] = nil
    end,
}
