-- Things that happen later, or again and again. A list is enough for a handful of them.
local socket = require "socket"

local timers = {}
local pending = {} -- each { at = when, every = period or nil, run = function }

function timers.after(seconds, run)
  pending[#pending + 1] = { at = socket.gettime() + seconds, run = run }
end

function timers.every(seconds, run)
  pending[#pending + 1] = { at = socket.gettime() + seconds, every = seconds, run = run }
end

-- Seconds until the next one is due: what the main loop may sleep.
function timers.wait()
  local first = math.huge
  for _, timer in ipairs(pending) do
    first = math.min(first, timer.at)
  end
  return math.min(60, math.max(0, first - socket.gettime()))
end

function timers.run()
  local now = socket.gettime()
  for index = #pending, 1, -1 do
    local timer = pending[index]
    if timer.at <= now then
      if timer.every then
        timer.at = now + timer.every
      else
        table.remove(pending, index)
      end
      timer.run()
    end
  end
end

function timers.count()
  return #pending
end

return timers
