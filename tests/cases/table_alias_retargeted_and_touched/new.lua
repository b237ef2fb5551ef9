local M = {}
M.red = { hits = 0 }
function M.red.fire() M.red.hits = M.red.hits + 1 return "RED" end
M.blue = { hits = 0 }
function M.blue.fire() M.blue.hits = M.blue.hits + 1 return "BLUE" end
M.active = M.blue
return M
