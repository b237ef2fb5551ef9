local _ENV = setmetatable({}, { __index = _G })
count = 0
function add() count = count + 1 return tostring(count) end
return _ENV
