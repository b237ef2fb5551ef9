local M = {}
function M.check(name, f) return { name = name, value = f(#name) } end
function M.twice(n) return n * 2 end
return M
