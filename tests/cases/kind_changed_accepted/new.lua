local M = {}
local online = {}
function M.join(p) online[#online + 1] = p end
function M.count() return type(online) == "table" and #online or -1 end
function M.__hotfix(module, info)
    local i = 1
    while true do
        local name, value = debug.getupvalue(module.join, i)
        if name == "online" then
            local list = {}
            for k = 1, type(value) == "number" and value or 0 do list[k] = "guest" .. k end
            debug.setupvalue(module.join, i, list)
            return
        end
        i = i + 1
    end
end
return M
