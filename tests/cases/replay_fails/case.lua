return {
    doc = "a replayed call that raises: nothing of ours changed, and the calls that were made are listed",
    expect = { status = "failed", error = "second is down", replayed = { "svc.first", "svc.second" } },
    after = function(m, t)
        t.eq(m.f(), 0, "old code")
        t.eq(m.added, nil, "nothing inserted")
    end,
}
