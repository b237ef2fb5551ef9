local M = {}
M.stages = { function(x) return x + 1 end, function(x) return x * 2 end }
function M.run(x) for _, f in ipairs(M.stages) do x = f(x) end return x end
return M
