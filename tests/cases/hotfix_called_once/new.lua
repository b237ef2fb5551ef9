local M = { scores = {} }
local calls = 0
function M.f() calls = calls + 1 return calls end
function M.g() return "g" end
function M.__hotfix(module, info)
    module.scores.hotfixed = (module.scores.hotfixed or 0) + 1
    module.scores.saw = module.g() .. type(info)
    calls = calls + 100
    print("hotfix ran for", module.f ~= nil)
end
return M
