local M = {}
local Base = {}
Base.__index = Base
function Base:describe() return "BASE of " .. self.name end
local Derived = setmetatable({}, { __index = Base })
Derived.__index = Derived
function Derived:shout() return self:describe() .. "!" end
function M.new(name) return setmetatable({ name = name }, Derived) end
M.Base, M.Derived = Base, Derived
return M
