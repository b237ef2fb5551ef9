local M = {}
local Sword = {}
Sword.__index = Sword
function Sword.new() return setmetatable({}, Sword) end
function Sword:hit() return "sword" end
M.Sword = Sword
local Staff = {}
Staff.__index = Staff
function Staff.new() return setmetatable({}, Staff) end
function Staff:hit() return "staff" end
M.Weapon = Staff
return M
