local registry = {}
return function(name)
    local c = { name = name }
    c.__index = c
    registry[#registry + 1] = name
    c.registered = registry
    return setmetatable(c, { __call = function(cls, ...)
        local o = setmetatable({}, cls)
        if o.init then o:init(...) end
        return o
    end })
end
