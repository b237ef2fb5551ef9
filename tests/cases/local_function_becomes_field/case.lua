return {
    doc = "a local helper that becomes a public function keeps its state",
    before = function(m) m.set(1) m.set(2) end,
    expect = { status = "applied" },
    after = function(m, t)
        m.set(-1)
        t.eq(m.uses(), 3, "one count through all of it")
        t.eq(m.clamp(-5), 0, "public now")
    end,
    revert = function(m, t) t.eq(m.clamp, nil, "gone") t.eq(m.set(-2), 0, "works") end,
}
