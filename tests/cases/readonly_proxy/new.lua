local impl = {}
local n = 0
function impl.count() n = n + 10 return n end
function impl.peek() return n end
return setmetatable({}, { __index = impl, __newindex = function() error("read-only", 2) end, __metatable = false })
