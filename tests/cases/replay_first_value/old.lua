local logger = require "logger"
local M = {}
local n = 0
function M.cast() n = n + 1 return n end
return M
