local M = {}
M.handlers = {
    login = function(who) return "welcome " .. who end,
    logout = function(who) return "out " .. who end,
    chat = function(who) return "says " .. who end,
    trade = function(who) return "trades " .. who end,
}
function M.call(name, who) return M.handlers[name] and M.handlers[name](who) end
return M
