local a = require "a"
local B = {}
local double = a.double
function B.run() a.count() return double() end
return B
