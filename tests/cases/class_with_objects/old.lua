local Skill = {}
Skill.__index = Skill
local created = 0
function Skill.new(name)
    created = created + 1
    return setmetatable({ name = name, uses = 0 }, Skill)
end
function Skill:cast() self.uses = self.uses + 1 return self.name .. self.uses end
function Skill.created() return created end
return Skill
