local M = {}
M.handlers = {
    login = function() return 2 end,
    chat = function() return 2 end,
}
return M
