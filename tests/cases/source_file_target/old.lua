local hits = 0
local function act() hits = hits + 1 return hits end
return { plugin = "x", act = act }
