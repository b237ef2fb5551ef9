local B = {}
local n = 0
function B.f() n = n + 1 return n end
return B
