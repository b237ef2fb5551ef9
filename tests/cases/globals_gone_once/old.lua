local M = {}
Registry = Registry or {}
function Registry.find() return 1 end
function _G.lookup() return 1 end
limit = 3
function M.f() return 1 end
return M
