-- lua5.4 generate.lua COUNT EDITION [ONLY] > FILE: a module of COUNT functions that share counters, a table and a helper.
-- Two editions differ in a number inside every function, or only in that of number ONLY, so that pushing one over the
-- other replaces them all, or that one.
local count, edition, only = tonumber(arg[1]), tonumber(arg[2]), tonumber(arg[3])

print([[
local fifty = {}
local calls, total = 0, 0
local settings = { scale = 2, limit = 1000, names = { "a", "b" } }

local function clamp(value)
  return math.min(settings.limit, math.max(0, value))
end
]])
for index = 1, count do
  print(([[
function fifty.f%d(value)
  calls = calls + 1
  local scaled = clamp(value * settings.scale + %d)
  if scaled > %d then
    total = total + scaled
  end
  return scaled, total
end
]]):format(index, (not only or only == index) and edition or 1, index))
end
print([[
function fifty.seen()
  return calls, total
end

return fifty]])
