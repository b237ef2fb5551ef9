local M = {}
local casts = 0
local cost = 3
M.Skill = {}
M.Skill.__index = M.Skill
function M.Skill.cast(self, target) casts = casts + 1 return target .. cost end
function M.casts() return casts end
return M
