local M = { n = 1 }
function M.f() return 2 end
M.added = true
local function setup(x)
    error("no " .. x)
end
setup("luck")
return M
