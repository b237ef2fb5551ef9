local M = {}
local words = { "red", "green" }
function M.words() return table.concat(words, " ") end
return M
