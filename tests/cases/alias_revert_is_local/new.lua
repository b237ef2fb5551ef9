local out = require "out"
local M = {}
local emit = out.loud
function M.say(x) return emit(x) end
return M
