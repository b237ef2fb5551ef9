local M = {}
M.self = M
M.node = { name = "root" }
M.node.parent = M.node
M.node.children = { M.node }
function M.f() return M.self.node.parent.name end
return M
