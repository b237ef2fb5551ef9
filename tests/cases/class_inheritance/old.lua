local M = {}
local Base = {}
Base.__index = Base
function Base:describe() return "base " .. self.name end
local Derived = setmetatable({}, { __index = Base })
Derived.__index = Derived
function Derived:shout() return self:describe():upper() end
function M.new(name) return setmetatable({ name = name }, Derived) end
M.Base, M.Derived = Base, Derived
return M
