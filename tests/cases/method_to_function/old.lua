local M = {}
M.__index = M
function M:name() return self.n end
M.static = function(a, b) return a .. b end
return M
