local M = {}
M.self = M
M.node = { name = "root" }
M.node.parent = M.node
M.node.children = { M.node }
M.extra = { owner = M }
M.extra.me = M.extra
function M.f() return M.self.node.parent.name, M.extra.owner end
return M
