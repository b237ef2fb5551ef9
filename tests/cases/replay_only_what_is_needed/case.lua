return {
    doc = "only the calls that a new first value needs are made; other new calls are effects",
    expect = { status = "applied", replayed = { "svc.next" }, effects = { "new svc.start" }, warnings = { "R11+" } },
    after = function(m, t)
        local a, b = m.f()
        t.eq(a, 1, "kept")
        t.eq(b, 2, "replayed")
        t.eq(require "svc".started, 0, "not performed")
    end,
    revert = false,
}
