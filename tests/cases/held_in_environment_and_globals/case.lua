return {
    doc = "globals, environments of other chunks, package.preload, locals of debug hooks, arguments of pending pcalls",
    before = function(m, t)
        copied = m.f
        local environment = { f = m.f }
        t.keep.chunk = load("return f()", "=chunk", "t", environment)
        package.preload.nothing = m.f
        t.keep.co = coroutine.wrap(function()
            return select(2, pcall(function(f) coroutine.yield() return f() end, m.f)) .. select(2, xpcall(m.f, function() return m.f end))
        end)
        t.keep.co()
    end,
    round = false,
    expect = { functions = { f = "replaced" } },
    after = function(m, t)
        t.eq(copied(), "new", "a global")
        t.eq(t.keep.chunk(), "new", "an environment")
        t.ok(package.preload.nothing == m.f, "preload")
        t.eq(t.keep.co(), "newnew", "a pending pcall")
    end,
    revert = function(m, t)
        t.eq(copied(), "old", "back")
        copied, package.preload.nothing = nil, nil
    end,
}
