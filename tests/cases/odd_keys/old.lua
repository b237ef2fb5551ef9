local M = {}
M.t = { ["a b"] = function() return 1 end, [1.5] = function() return 1 end, [true] = function() return 1 end,
        ["end"] = function() return 1 end, [""] = 0 }
return M
