return {
    doc = "integers and floats are told apart in code; odd numbers are equal to themselves; strings with zeros",
    expect = { functions = { get = "replaced" }, fields = { zero = "added" }, warnings = {} },
    after = function(m, t)
        t.eq(math.type(m.get()), "float", "constant")
        t.eq(m.zero, "a\0b", "string")
        t.ok(m.nan ~= m.nan, "nan")
    end,
}
