local M = package.loaded[...] or {}
package.loaded[...] = M
local name = ...
local n = 0
function M.f() n = n + 10 return n, name end
function M.g() return n end
return M
