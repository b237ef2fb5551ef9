local svc = require "svc"
local M = {}
local mode = svc.fast() and "fast" or "slow"
function M.f() return mode end
return M
