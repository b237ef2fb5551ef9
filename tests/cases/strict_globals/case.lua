return {
    doc = "a program that forbids undefined globals by a metatable of _G",
    before = function(m, t)
        setmetatable(_G, { __index = function(_, k) error("undefined global " .. tostring(k), 2) end,
                           __newindex = function(_, k) error("no new global " .. tostring(k), 2) end })
    end,
    expect = { functions = { f = "replaced" } },
    after = function(m, t) t.eq(m.f(), 2, "code") end,
    revert = function() setmetatable(_G, nil) end,
}
