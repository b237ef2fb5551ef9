return {
    doc = "a placeholder with the same call as in the base stands for the live value",
    before = function(m, t) t.note.seed, t.note.token = m.seed(), m.token end,
    expect = { functions = { seed = "replaced" }, warnings = {}, replayed = {} },
    after = function(m, t)
        t.eq(m.seed(), t.note.seed, "local")
        t.eq(m.token, t.note.token, "field")
    end,
}
