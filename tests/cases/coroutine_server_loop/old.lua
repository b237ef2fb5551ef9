local M = { log = {} }
local jobs = {}
local function work(x) return "old " .. x end
function M.push(x) jobs[#jobs + 1] = x end
M.loop = coroutine.create(function()
    while true do
        local job = table.remove(jobs, 1)
        if job then M.log[#M.log + 1] = work(job) end
        coroutine.yield()
    end
end)
function M.work(x) return work(x) end
function M.turn() return coroutine.resume(M.loop) end
return M
