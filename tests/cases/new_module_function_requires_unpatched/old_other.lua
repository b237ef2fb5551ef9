local other = {}
local n = 5
function other.get() n = n + 1 return n end
return other
