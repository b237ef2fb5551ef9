local M = {}
local queue = { "a", "b", "c" }
function M.pop() return table.remove(queue, 1) end
function M.size() return #queue end
return M
