local M = {}
local words = { "red", "green", "blue" }
function M.words() return table.concat(words, ",") end
return M
