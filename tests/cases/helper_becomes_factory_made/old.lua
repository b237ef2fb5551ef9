local M = {}
local function make(text)
    return function() return "made" end
end
local made = make("x")
local function helper(x)
    if x > 0 then return made() end
    return "helper"
end
M.use = helper
return M
