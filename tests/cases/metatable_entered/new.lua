local M = {}
local objects = setmetatable({}, { __index = function(_, k) return "none of " .. k end, __call = function() return 1 end,
                                   __len = function() return 42 end })
function M.get(k) return objects[k] end
function M.put(k, v) objects[k] = v end
function M.call() return objects() end
function M.len() return #objects end
return M
