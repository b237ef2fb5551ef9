local tostring = tostring
local _ENV = { hits = 0 }
function touch() hits = hits + 1 return hits end
function show() return "new " .. tostring(hits) end
function clear() hits = 0 end
return _ENV
