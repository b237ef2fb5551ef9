local M = {}
local function make(text)
    return function() return "made" end
end
local made = make("x")
M.use = made
return M
