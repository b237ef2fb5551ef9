local M = {}
function M.f() return "old" end
function M.iterate(n, i) if i < n then return i + 1, "old" end end
return M
