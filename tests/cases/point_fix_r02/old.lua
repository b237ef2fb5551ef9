local M = {}
local n = 0
function M.join() n = n + 1 end
do
    local n = 100
    function M.fail() n = n + 1 end
end
function M.report() return "?" end
return M
