local M = { Skill = { deep = {} } }
local n = 5
function M.Skill.deep.cast() return n end
return M
