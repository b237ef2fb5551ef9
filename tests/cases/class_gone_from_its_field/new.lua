local M = {}
local Sword = {}
Sword.__index = Sword
function Sword.new() return setmetatable({}, Sword) end
function Sword:hit() return "sharp sword" end
M.Weapon = Sword
return M
