local M = {}
local n = 0
function M.join() n = n + 1 return n end
do
    local n = 100
    function M.fail() n = n + 1 return n end
end
return M
