local M = {}
local sessions = {}
function M.login(name) sessions[name] = true end
function M.status()
    local n = 0
    for _ in pairs(sessions) do n = n + 1 end
    return "up, " .. n
end
return M
