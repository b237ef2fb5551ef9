-- Random numbers of our own, so that a seed means the same program in every build of Lua.
local rng = {}
rng.__index = rng

local function new(seed)
    local self = setmetatable({ state = seed * 0x9E3779B97F4A7C15 + 0x1F123BB5 }, rng)
    for _ = 1, 4 do self:bits() end
    return self
end

function rng:bits() -- splitmix64
    self.state = self.state + 0x9E3779B97F4A7C15
    local z = self.state
    z = (z ~ (z >> 30)) * 0xBF58476D1CE4E5B9
    z = (z ~ (z >> 27)) * 0x94D049BB133111EB
    return z ~ (z >> 31)
end

function rng:int(low, high) return low + (self:bits() >> 1) % (high - low + 1) end
function rng:chance(percent) return self:int(1, 100) <= percent end
function rng:pick(list) return list[self:int(1, #list)] end

-- weights: list of { weight, value }
function rng:weighted(weights)
    local sum = 0
    for _, w in ipairs(weights) do sum = sum + w[1] end
    local at = self:int(1, sum)
    for _, w in ipairs(weights) do
        at = at - w[1]
        if at <= 0 then return w[2] end
    end
end

return new
