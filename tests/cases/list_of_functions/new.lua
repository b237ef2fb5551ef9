local M = {}
local log = {}
M.stages = {
    function(x) log[#log + 1] = 1 return x + 10 end,
    function(x) log[#log + 1] = 2 return x * 2 end,
}
function M.run(x) for _, f in ipairs(M.stages) do x = f(x) end return x end
function M.log() return #log end
return M
