local M = { VERSION = "1.0" }
local count = 0
local step = 1
function M.get() return count end
function M.increment()
    count = count + step
    return count
end
return M
