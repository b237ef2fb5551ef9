return {
    doc = "functions inside an initialisation guard that does not run again are paired all the same",
    before = function() Guarded.f() end,
    expect = { status = "applied", warnings = {} },
    after = function(_, t) t.eq(Guarded.f(), 11, "code and state") end,
    revert = function(_, t) t.eq(Guarded.f(), 12, "back") Guarded, guard_done = nil end,
}
