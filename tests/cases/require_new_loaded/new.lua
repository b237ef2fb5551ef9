local util = require "util"
local M = {}
function M.f(x) return util.wrap(x) end
return M
