local M = { VERSION = "1.1" }
local count = 0
local step = 1
local limit = 5
function M.get() return count end
function M.increment()
    if count < limit then
        count = count + step
    end
    return count
end
function M.set_limit(n)
    limit = n
end
return M
