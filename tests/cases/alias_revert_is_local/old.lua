local out = require "out"
local M = {}
local emit = out.plain
function M.say(x) return emit(x) end
return M
