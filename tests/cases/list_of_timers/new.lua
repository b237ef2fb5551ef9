local M = {}
local timers = {}
local seen = 0
local function every(n, f) timers[#timers + 1] = { every = n, f } end
every(10, function() seen = seen + 100 end)
every(5, function() seen = seen + 2 end)
function M.tick(n)
    for _, t in ipairs(timers) do
        if n % t.every == 0 then t[1]() end
    end
    return seen
end
return M
