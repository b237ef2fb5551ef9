local registry = require "registry"
local items, count = {}, 0
local M = {}
function M.put(key, value) items[key] = value count = count + 1 return value end
function M.count() return count end
registry.check("put", function(v) return v end)
return M
