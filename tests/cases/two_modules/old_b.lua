local a = require "a"
local B = {}
function B.run() return a.count() end
return B
