return {
    doc = "stripped code without a base has no names: R14",
    base = "none",
    load = function(t)
        package.loaded.m = load(string.dump(assert(load(t.text("old.lua"), "@m.lua")), true), "m", "b")("m")
        return package.loaded.m
    end,
    expect = { status = "refused", refusals = { "R14" } },
}
