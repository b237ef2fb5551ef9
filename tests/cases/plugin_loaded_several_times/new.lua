local host = ...
local hits = 0
local function hit() hits = hits + 10 return host, hits end
return { hit = hit }
