local M = {}
M.handlers = {
    login = function() return 1 end,
    chat = function() return 1 end,
}
return M
