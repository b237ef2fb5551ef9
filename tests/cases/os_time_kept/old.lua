local M = {}
local started = os.time()
local clock = os.clock()
function M.set(s) started = s end
function M.uptime() return started end
return M
