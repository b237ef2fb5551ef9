local B = {}
local n = {}
function B.f() n[#n + 1] = 1 return #n end
return B
