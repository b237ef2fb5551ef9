local M = {}
M.config = { net = { port = 80, host = "a", timeout = 5 }, limits = { players = 10 }, log = { level = "info" } }
function M.port() return M.config.net.port end
return M
