local M = {}
M.red = { hits = 0 }
function M.red.fire() M.red.hits = M.red.hits + 1 return "red" end
M.blue = { hits = 0 }
function M.blue.fire() M.blue.hits = M.blue.hits + 1 return "blue" end
M.active = M.red
return M
