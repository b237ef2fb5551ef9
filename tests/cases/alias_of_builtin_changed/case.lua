return {
    doc = "an alias of a C function changes in its slot only: the standard library is left alone",
    before = function(m, t) t.note = { tostring = tostring, concat = table.concat } end,
    expect = { status = "applied" },
    after = function(m, t)
        t.eq(m.f("7"), 7, "local")
        t.ok(m.join == table.unpack, "field")
        t.ok(tostring == t.note.tostring and table.concat == t.note.concat, "library")
    end,
    revert = function(m, t) t.eq(m.f(7), "7", "back") t.ok(m.join == table.concat, "back") end,
}
