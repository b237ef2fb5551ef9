local M = {}
local n = 1
function M.first() n = n + 1 return n end
local n = 100
function M.second() n = n + 1 return n end
do
    local n = 1000
    function M.third() n = n + 1 return n end
end
return M
