-- The heaps that the bench measures on: heaps.KIND(count) returns a value that keeps `count` objects of that kind alive. Run in the
-- bench's own Lua states; see heap.h.
local heaps = {}

-- Records as servers keep them: two fields and a string that is its own. Flat: one table holds them all.
function heaps.tables(count)
  local all = {}
  for index = 1, count do
    all[index] = { id = index, name = "name " .. index }
  end
  return all
end

-- The smallest tables there are, for as many as memory takes.
function heaps.small(count)
  local all = {}
  for index = 1, count do
    all[index] = { index }
  end
  return all
end

-- The same in tables of a thousand.
function heaps.spread(count)
  local all = {}
  for first = 1, count, 1000 do
    local some = {}
    for index = 1, math.min(1000, count - first + 1) do
      some[index] = { first + index }
    end
    all[#all + 1] = some
  end
  return all
end

-- Keyed by name, which `next` walks through the hash part.
function heaps.keyed(count)
  local all = {}
  for index = 1, count do
    all["key " .. index] = { index, index }
  end
  return all
end

-- Half of the objects are closures over a number and a table, the other half those tables.
function heaps.closures(count)
  local all = {}
  for index = 1, count // 2 do
    local own, number = {}, index
    all[index] = function() number = number + 1 return own, number end
  end
  return all
end

function heaps.strings(count)
  local all = {}
  for index = 1, count do
    all[index] = "a string that is long enough not to be interned, as texts of people are: " .. index
  end
  return all
end

-- Each has run to its first yield and has a table in a local.
function heaps.coroutines(count)
  local all = {}
  local function body(own)
    coroutine.yield(own)
  end
  for index = 1, count // 2 do
    local co = coroutine.create(body)
    coroutine.resume(co, {})
    all[index] = co
  end
  return all
end

-- Each table is reached through the one before it only.
function heaps.chain(count)
  local first
  for _ = 1, count do
    first = { next = first }
  end
  return first
end

return heaps
