local A = {}
local n = 0
function A.count() n = n + 10 return n end
function A.double() return n * 2 end
return A
