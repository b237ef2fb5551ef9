return {
    doc = "functions of the chunk that the body itself calls run in the stage; each of the closures they made keeps its own cell",
    expect = { status = "applied" },
    after = function(m, t)
        t.eq(m.table[1](), 10, "first")
        t.eq(m.table[3](), 30, "third")
        t.eq(m.square(9), 0, "code")
        t.eq(m.square(3), 9, "table")
    end,
    revert = function(m, t) t.eq(m.table[2](), 2, "old code") end,
}
