local M = {}
local log = {}
local function a(x) log[#log + 1] = "a" return x + 1 end
local function b(x) log[#log + 1] = "b" return x * 2 end
function M.run(x) return a(b(x)) end
M.steps = { function(x) return "s1" .. x end, function(x) return "s2" .. x end }
function M.log() return table.concat(log) end
return M
