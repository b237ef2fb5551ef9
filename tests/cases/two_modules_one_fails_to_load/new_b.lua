local B = {}
function B.f() return 2 end
local x = B.missing.field
return B
