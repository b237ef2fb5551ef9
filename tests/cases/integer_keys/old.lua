local M = {}
M.dispatch = {
    [100] = function() return "hundred" end,
    [200] = function() return "two hundred" end,
    [-1] = "minus",
}
return M
