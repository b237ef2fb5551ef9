-- Takes readings and tells their mean.
local meter = {}

local sum, count = 0, 0

local function mean()
  return sum / count
end

function meter.add(value)
  sum = sum + value
  count = count + 1
  return ("%d readings, mean %.2f"):format(count, mean())
end

return meter
