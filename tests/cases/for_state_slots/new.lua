local M = { items = { "a", "b", "c", "d" } }
function M.iterate(list, i) i = i + 1 if list[i] then return i, "new " .. list[i] end end
return M
