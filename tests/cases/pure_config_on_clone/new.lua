local conf = require "conf"
local M = {}
local limit = conf.get("limit", 5)
local size = conf.get("size", 7)
function M.f() return limit, size end
return M
