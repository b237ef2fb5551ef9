local other = require "other"
local A = {}
local get = other.get
function A.f() return get() end
return A
