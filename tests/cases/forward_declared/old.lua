local M = {}
local render
function M.page() return render("p") end
local hits = 0
render = function(x) hits = hits + 1 return "<" .. x .. hits .. ">" end
return M
