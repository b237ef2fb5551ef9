local hits = 0
local function act() hits = hits + 10 return hits end
return { plugin = "x", act = act }
