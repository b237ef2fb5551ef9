-- A patch as one would write it in plain Lua, to measure against: returns patch(module, chunk), which runs the chunk, joins the
-- upvalues of its functions to those of the old ones by name, and then walks all that can be reached with `debug` and puts the new
-- function wherever an old one is held: values, keys, upvalues, metatables, user values, locals of coroutines. In one stop, and without
-- what hotpatch has besides: the body of the chunk is run, nothing is checked, nothing can be undone.
local debug, type, next, rawset = debug, type, next, rawset

local function upvalues_of(f)
  local byname = {}
  for index = 1, math.huge do
    local name, value = debug.getupvalue(f, index)
    if not name then
      return byname
    end
    byname[name] = { index = index, value = value }
  end
end

local function pair(new, old, swaps)
  if swaps[old] or new == old then
    return
  end
  swaps[old] = new
  local was = upvalues_of(old)
  for name, up in next, upvalues_of(new) do
    local before = was[name]
    if before and type(before.value) == "function" and type(up.value) == "function" then
      pair(up.value, before.value, swaps)
    end
    if before then
      debug.upvaluejoin(new, up.index, old, before.index)
    end
  end
end

local function walk(swaps)
  local seen, list, count = {}, {}, 0
  local function meet(value)
    local kind = type(value)
    if (kind == "table" or kind == "function" or kind == "userdata" or kind == "thread") and not seen[value] then
      seen[value] = true
      count = count + 1
      list[count] = value
    end
    return swaps[value]
  end
  seen[swaps], seen[seen], seen[list] = true, true, true

  local visit = {}
  function visit.table(t)
    local rekey
    for key, value in next, t do
      local new = meet(value)
      if new then
        rawset(t, key, new)
      end
      if meet(key) then
        rekey = rekey or {}
        rekey[key] = value
      end
    end
    for key, value in next, rekey or {} do
      rawset(t, key, nil)
      rawset(t, swaps[key], value)
    end
  end
  visit["function"] = function(f)
    for index = 1, math.huge do
      local name, value = debug.getupvalue(f, index)
      if not name then
        return
      end
      local new = meet(value)
      if new then
        debug.setupvalue(f, index, new)
      end
    end
  end
  function visit.userdata(u)
    for index = 1, math.huge do
      local value, there = debug.getuservalue(u, index)
      if not there then
        return
      end
      local new = meet(value)
      if new then
        debug.setuservalue(u, new, index)
      end
    end
  end
  function visit.thread(co)
    for level = 0, math.huge do
      local info = debug.getinfo(co, level, "f")
      if not info then
        return
      end
      meet(info.func)
      for index = 1, math.huge do
        local name, value = debug.getlocal(co, level, index)
        if not name then
          break
        end
        local new = meet(value)
        if new then
          debug.setlocal(co, level, index, new)
        end
      end
    end
  end

  meet(debug.getregistry())
  meet(debug.getmetatable(""))
  while count > 0 do
    local value = list[count]
    list[count] = nil
    count = count - 1
    local meta = debug.getmetatable(value)
    if meta then
      meet(meta)
    end
    visit[type(value)](value)
  end
end

return function(module, chunk)
  local new, swaps = chunk(), {}
  for name, f in next, new do
    local old = module[name]
    if type(f) == "function" and type(old) == "function" then
      pair(f, old, swaps)
      module[name] = f
    elseif old == nil then
      module[name] = f
    end
  end
  walk(swaps)
end
