local logger = require "logger"
local M = {}
local n = 0
local log = logger.get("battle")
function M.cast() n = n + 1 log.count = log.count + 1 return n end
function M.log() return log end
return M
