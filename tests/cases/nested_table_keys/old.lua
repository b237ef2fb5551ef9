local M = {}
M.config = { net = { port = 80, host = "a" }, limits = { players = 10 } }
function M.port() return M.config.net.port end
return M
