local maker = require "maker"
local log = maker.get("battle", { level = 3, tags = { "a", "b" } })
local count, size = 0, maker.get("size").length + 3
local M = {}
function M.cast() if log then count = count + 1 end return count end
function M.log() return log end
function M.size() return size end
return M
