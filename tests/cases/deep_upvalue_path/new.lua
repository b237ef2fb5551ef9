local M = {}
local handlers = {}
do
    local count = 0
    function handlers.on_join(who) count = count + 1 return who .. ":" .. count end
end
function M.login(who) return handlers.on_join(who) end
return M
