local A = {}
local n = 0
function A.count() n = n + 1 return n end
return A
