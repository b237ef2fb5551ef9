return {
    doc = "a spec that is wrong is an error with a sentence that names the field",
    before = function(m, t)
        for _, bad in ipairs { { module = "m", sauce = "return {}" }, { module = 7, source = "return {}" }, { module = "m" },
                               { module = "m", source = "return {}", strict = "yes" },
                               { module = "m", source = "return {}", merge = "four-way" }, "m", {} } do
            local ok, problem = pcall(t.hotpatch.patch, bad)
            t.ok(not ok or problem.status == "malformed" or problem.status == "unsupported" or problem.status == "refused",
                 "refused: " .. tostring(bad))
        end
        t.eq(m.f(), 1, "nothing changed")
    end,
    expect = { functions = { f = "replaced" } },
}
