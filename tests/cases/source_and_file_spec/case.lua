return {
    doc = "new functions carry the name of their file and their lines, as debuggers and tracebacks show them",
    expect = { functions = { f = "replaced" } },
    after = function(m, t)
        local source, line = m.f()
        t.ok(source:match("^@.*m%.lua$"), "source")
        t.eq(line, 2, "line")
        t.eq(debug.getinfo(m.f, "S").linedefined, 2, "first line")
        t.eq(debug.getinfo(m.f, "u").nups, 1, "upvalues")
        t.eq(t.report.modules[1].functions[1].line, 2, "in the report")
        t.ok(tostring(t.report.modules[1].functions[1].was):find("m.lua:2", 1, true), "and where it was")
    end,
}
