return function(parent)
    local c = {}
    c.__index = c
    if parent then setmetatable(c, { __index = parent }) end
    c.new = function(o) return setmetatable(o or {}, c) end
    return c
end
