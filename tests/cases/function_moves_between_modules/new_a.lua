local util = require "util"
local A = {}
function A.helper(x) return util.helper(x) end
function A.f(x) return A.helper(x) end
return A
