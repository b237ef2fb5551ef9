local M = {}
M.__index = M
M.name = function(self) return self.n .. "!" end
function M.static(a, b) return b .. a end
return M
