local M = { Skill = {} }
local power = 6
function M.Skill.cast() return power end
return M
