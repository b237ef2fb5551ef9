return {
    doc = "closures that a factory made earlier are replaced, each joined to its own cells",
    before = function(m, t)
        for i = 1, 20 do t.keep[i] = m.counter(i * 100) t.keep[i].add(i) end
    end,
    expect = { functions = { counter = "replaced" } },
    after = function(m, t)
        for i = 1, 20 do
            t.eq(t.keep[i].add(1), i * 100 + i + 10, "new code on its own state")
            local n, made, version = t.keep[i].get()
            t.eq(n, i * 100 + i + 10, "the two closures of one instance share their cell")
            t.eq(made, 20, "and all of them the module's")
            t.eq(version, "new", "code")
        end
        t.ok(t.report.instances >= 40, "counted: " .. tostring(t.report.instances))
    end,
    revert = function(m, t)
        t.eq(t.keep[3].add(1), 314, "old code, today's state")
    end,
}
