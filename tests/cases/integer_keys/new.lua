local M = {}
M.dispatch = {
    [100] = function() return "HUNDRED" end,
    [200] = function() return "two hundred" end,
    [300] = function() return "three hundred" end,
    [-1] = "minus",
}
return M
