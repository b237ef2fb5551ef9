local tostring = tostring
local _ENV = { hits = 0 }
function touch() hits = hits + 1 return hits end
function show() return "old " .. tostring(hits) end
return _ENV
