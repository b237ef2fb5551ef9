local M = {}
local ok, json = pcall(require, "no_such_json")
function M.has() return ok end
return M
