local M = { log = {} }
local n = 0
local function step() n = n + 1 M.log[#M.log + 1] = "old" .. n end
function M.loop()
    while true do
        step()
        coroutine.yield()
    end
end
return M
