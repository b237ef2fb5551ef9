return {
    doc = "references counts the places outside the module, by kind, each once",
    round = false,
    before = function(m, t)
        local held = m.f
        local k = t.keep
        k.list = { m.f, m.f, m.f }
        k.keys = { [m.f] = true, [m.g] = true }
        k.cell = { function() return held end, function() held = held end } -- one cell of two closures
        k.wrap = coroutine.wrap(function() end)
        k.object = setmetatable({}, { __index = m.f, __call = m.g })
        k.co = coroutine.create(function(a, ...) local b = a coroutine.yield() return b, ... end)
        coroutine.resume(k.co, m.f, m.g)
        k.unstarted = coroutine.create(m.g)
        debug.getregistry()[t] = m.f
    end,
    after = function(m, t)
        t.eq(t.hotpatch.revert().status, "reverted", "revert: what the runner's pictures hold is gone now")
        local report = t.push(t.text("new.lua"))
        local r = report.references
        t.eq(r.table, 3, "values")
        t.eq(r.key, 2, "keys")
        t.eq(r.upvalue, 1, "one cell")
        t.eq(r.metatable, 2, "metatable")
        t.eq(r.registry, 1, "registry")
        t.eq(r.userdata, 0, "user values")
        t.ok(r.coroutine >= 4, "argument, local, vararg, body: " .. r.coroutine)
        t.eq(report.instances, 0, "no instance")
        debug.getregistry()[t] = nil
    end,
}
