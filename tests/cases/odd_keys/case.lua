return {
    doc = "keys that are no identifiers: strings with blanks, keywords, floats, booleans",
    expect = { functions = { ['t["a b"]'] = "replaced", ["t[1.5]"] = "replaced", ["t[true]"] = "replaced",
                             ['t["end"]'] = "replaced" } },
    after = function(m, t)
        for key, f in pairs(m.t) do
            if key ~= "" then t.eq(f(), 2, tostring(key)) end
        end
    end,
}
