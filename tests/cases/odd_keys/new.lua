local M = {}
M.t = { ["a b"] = function() return 2 end, [1.5] = function() return 2 end, [true] = function() return 2 end,
        ["end"] = function() return 2 end, [""] = 0 }
return M
