local M = package.loaded[...] or {}
package.loaded[...] = M
local name = ...
local n = 0
function M.f() n = n + 1 return n, name end
return M
