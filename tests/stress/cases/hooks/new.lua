local registry = require "registry"
local items, count, factor = {}, 0, 10
local M = {}
function M.put(key, value) items[key] = value count = count + 1 return value * factor end
function M.count() return count end
function M.added(n) return registry.twice(n * 6) end
registry.check("put", function(v) return v * 2 end)
registry.check("added", function(v) return v * 3 end)
function M.__hotfix(m, info)
    local lines = {}
    for i = 1, 10 do lines[i] = ("%d: %s of patch %d"):format(i, info.name, info.patch) end
    print(table.concat(lines, "\n"))
end
function M.__hotrevert(m, info)
    print(("a line that is long enough to need memory: %s %d"):format(info.name, m.count()))
end
return M
