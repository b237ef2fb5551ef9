local _ENV = setmetatable({}, { __index = _G })
count = 0
function add() count = count + 1 return tostring(count) .. type(count) end
function get() return math.max(count, 0) end
return _ENV
