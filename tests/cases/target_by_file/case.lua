local case
case = {
    doc = "without a module name the loaded module is found whose file it is",
    before = function(m, t) case.spec.file = t.dir .. "/m.lua" end,
    target = "",
    spec = {},
    expect = { functions = { f = "replaced" } },
    after = function(m, t) t.eq(m.f(), 2, "code") end,
}
return case
