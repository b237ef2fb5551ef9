return {
    doc = "a local that is another of the module's functions in the new source gets that one, though the one it held changed as well",
    expect = { functions = { one = "replaced", two = "replaced" } },
    after = function(m, t)
        t.eq(m.choose(), 20, "what the source chooses now")
        t.eq(m.one(), 10, "one")
        t.eq(m.two(), 20, "two")
    end,
    revert = function(m, t)
        t.eq(m.choose(), 1, "what it chose before")
        t.eq(m.one(), 1, "one")
        t.eq(m.two(), 2, "two")
    end,
}
