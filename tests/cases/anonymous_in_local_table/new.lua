local M = {}
local rules = {
    { name = "min", check = function(x) return x > 0 end },
    { name = "max", check = function(x) return x < 100 end },
}
function M.check(x) for _, r in ipairs(rules) do if not r.check(x) then return r.name end end return "ok" end
function M.add(name, f) rules[#rules + 1] = { name = name, check = f } end
return M
