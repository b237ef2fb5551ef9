local M = { limit = 1, extra = {} }
local n = 0
local function helper() return "new helper" end
function M.f() n = n + 10 return n, helper() end
function M.g() return 1 end
function M.__hotfix(module) error("migration failed") end
return M
