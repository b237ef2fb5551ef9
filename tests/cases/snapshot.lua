-- A deep picture of the live program: every table, function, upvalue cell, userdata and coroutine that is reachable from
-- given roots, each with its identity. Two pictures are compared in one of two ways:
--
--   snapshot.same(a, b)    nothing at all was changed: same objects, same contents, same cells
--   snapshot.alike(a, b)   equal up to the identity of Lua functions: another function may stand where one stood if it has
--                          the same code, the same lines and the very same cells
--
-- Both return nil, or a sentence that says where the first difference is. A picture keeps all its objects alive (so an address
-- is never used twice) and copies contents, so it stays what it was while the program goes on. Raw access only.

local snapshot = {}

local type, rawequal, next, tostring = type, rawequal, next, tostring
local getmetatable, getupvalue, upvalueid, getinfo = debug.getmetatable, debug.getupvalue, debug.upvalueid, debug.getinfo

local function is_object(v)
    local t = type(v)
    return t == "table" or t == "function" or t == "userdata" or t == "thread"
end

-- 5.4's binary format, just far enough to blank what a function captures (register numbers of its enclosing function,
-- which do not belong to its own code): three bytes an upvalue of the outermost function.
local function without_captures(dump)
    local at = 4 + 1 + 1 + 6 + 3 -- signature, version, format, data, sizes of instruction, integer and number
    local integer_size, number_size = dump:byte(at - 1, at)
    at = at + integer_size + number_size + 1 + 1 -- check values; number of upvalues

    local function size()
        local n = 0
        while true do
            local byte = dump:byte(at)
            at = at + 1
            n = (n << 7) | (byte & 0x7f)
            if byte & 0x80 ~= 0 then
                return n
            end
        end
    end
    local function skip_string()
        local n = size()
        at = at + (n > 0 and n - 1 or 0)
    end

    skip_string()              -- source
    size() size()              -- first and last line
    at = at + 3                -- parameters, vararg, stack
    local instructions = size() -- not "at = at + 4 * size()": size moves `at` itself
    at = at + 4 * instructions
    for _ = 1, size() do       -- constants
        local kind = dump:byte(at)
        at = at + 1
        if kind == 0x03 then at = at + integer_size
        elseif kind == 0x13 then at = at + number_size
        elseif kind == 0x04 or kind == 0x14 then skip_string()
        end
    end
    local upvalues = size()
    return dump:sub(1, at - 1) .. dump:sub(at + 3 * upvalues)
end

-- The code of a Lua function as a string: equal for functions with equal code and lines.
function snapshot.code(f)
    return without_captures(string.dump(f))
end

local function describe_function(f, picture)
    local info = getinfo(f, "S")
    local record = { kind = "function", c = info.what == "C", cells = {}, names = {} }
    if not record.c then
        record.where = info.short_src .. ":" .. info.linedefined
    end
    local i = 1
    while true do
        local name, value = getupvalue(f, i)
        if name == nil then break end
        local cell = upvalueid(f, i)
        record.names[i], record.cells[i] = name, cell
        if record.c then
            record.cells[i] = { value } -- of a C closure: values, not shared cells
        else
            picture.cells[cell] = { value }
        end
        picture.reach(value, name)
        i = i + 1
    end
    return record
end

local function describe_table(t, picture)
    local record = { kind = "table", keys = {}, meta = getmetatable(t), count = 0 }
    local k, v = next(t)
    while k ~= nil do
        record.keys[k] = { v }
        record.count = record.count + 1
        picture.reach(k, "key")
        picture.reach(v, is_object(k) and "[object]" or tostring(k))
        k, v = next(t, k)
    end
    picture.reach(record.meta, "metatable")
    return record
end

local function describe_userdata(u, picture)
    local record = { kind = "userdata", meta = getmetatable(u), values = {} }
    for i = 1, 255 do
        local value, present = debug.getuservalue(u, i)
        if not present then break end
        record.values[i] = { value }
        picture.reach(value, "user value")
    end
    picture.reach(record.meta, "metatable")
    return record
end

local function describe_thread(co, picture)
    local record = { kind = "thread", status = coroutine.status(co), slots = {} }
    if co == coroutine.running() then
        return record -- the runner itself
    end
    local level = 0
    while true do
        local info = getinfo(co, level, "fl")
        if info == nil then break end
        record.slots[#record.slots + 1] = { info.func }
        record.slots[#record.slots + 1] = { info.currentline }
        picture.reach(info.func, "running")
        local i = 1
        while true do
            local name, value = debug.getlocal(co, level, i)
            if name == nil then break end
            record.slots[#record.slots + 1] = { value }
            picture.reach(value, name)
            i = i + 1
        end
        level = level + 1
    end
    return record
end

local describers = {
    ["function"] = describe_function,
    table = describe_table,
    userdata = describe_userdata,
    thread = describe_thread,
}

-- `roots`: list of objects. `opaque`: set of objects that are not entered (the agent itself, the runner). All given by
-- identity. Runs a full collection first, so that weak tables show what is really there.
function snapshot.take(roots, opaque)
    collectgarbage()
    collectgarbage()
    local picture = { roots = roots, opaque = opaque, records = {}, cells = {}, paths = {} }
    local queue, first, last = {}, 1, 0
    local parent = "?"

    function picture.reach(value, step)
        if is_object(value) and picture.records[value] == nil and not opaque[value] then
            picture.records[value] = false
            picture.paths[value] = parent .. "/" .. step
            last = last + 1
            queue[last] = value
        end
    end

    for i, root in ipairs(roots) do
        parent = "root" .. i
        picture.reach(root, "")
    end
    while first <= last do
        local object = queue[first]
        queue[first] = nil
        first = first + 1
        parent = picture.paths[object]
        picture.records[object] = describers[type(object)](object, picture)
        if type(object) == "function" and not picture.records[object].c then
            picture.records[object].code = snapshot.code(object)
        end
    end
    picture.reach = nil
    return picture
end

-- One comparison serves both: `pair(x, y)` says whether y may stand where x stood.
local function compare(a, b, pair)
    local function differ(object, what, ...)
        return ("at %s: %s"):format(a.paths[object] or b.paths[object] or "?", what:format(...))
    end
    local function show(v)
        if type(v) == "string" then return ("%q"):format(v) end
        return tostring(v)
    end

    for x, p in pairs(a.records) do
        local y = pair.of(x)
        local q = y and b.records[y]
        if not q then
            return differ(x, "%s is gone", show(x))
        end
        if p.kind == "table" then
            if not pair.fits(p.meta, q.meta) then
                return differ(x, "the metatable changed")
            end
            for k, v in next, p.keys do
                local key = is_object(k) and not a.opaque[k] and pair.of(k) or k
                local w = q.keys[key]
                if w == nil then
                    return differ(x, "key %s is gone", show(k))
                end
                if not pair.fits(v[1], w[1]) then
                    return differ(x, "key %s was %s, is %s", show(k), show(v[1]), show(w[1]))
                end
            end
            if p.count ~= q.count then
                for k in next, q.keys do
                    if p.keys[k] == nil and not (type(k) == "function" and p.count == q.count) then
                        return differ(x, "key %s is new", show(k))
                    end
                end
                return differ(x, "%d keys, now %d", p.count, q.count)
            end
        elseif p.kind == "function" then
            if p.code ~= q.code then
                return differ(x, "other code: %s, now %s", p.where, q.where)
            end
            if #p.cells ~= #q.cells then
                return differ(x, "%d upvalues, now %d", #p.cells, #q.cells)
            end
            for i, cell in ipairs(p.cells) do
                if p.c then
                    if not pair.fits(cell[1], q.cells[i][1]) then
                        return differ(x, "upvalue %d of a C function changed", i)
                    end
                elseif cell ~= q.cells[i] then
                    return differ(x, "upvalue %s is another cell", p.names[i])
                end
            end
        elseif p.kind == "userdata" then
            if not pair.fits(p.meta, q.meta) then
                return differ(x, "the metatable changed")
            end
            for i, v in ipairs(p.values) do
                if not pair.fits(v[1], q.values[i][1]) then
                    return differ(x, "user value %d changed", i)
                end
            end
        elseif p.kind == "thread" then
            if p.status ~= q.status or #p.slots ~= #q.slots then
                return differ(x, "the coroutine moved")
            end
            for i, v in ipairs(p.slots) do
                if not pair.fits(v[1], q.slots[i][1]) then
                    return differ(x, "slot %d of the coroutine changed", i)
                end
            end
        end
    end
    for cell, v in pairs(a.cells) do
        local w = b.cells[cell]
        if w == nil then
            return "a cell that held " .. show(v[1]) .. " is gone"
        end
        if not pair.fits(v[1], w[1]) then
            return ("a cell held %s, holds %s"):format(show(v[1]), show(w[1]))
        end
    end
    for y in pairs(b.records) do
        if not pair.back(y) then
            return differ(y, "%s is new", show(y))
        end
    end
    for cell, v in pairs(b.cells) do
        if a.cells[cell] == nil then
            return "there is a new cell, holding " .. show(v[1])
        end
    end
    return nil
end

local function plain_equal(x, y)
    return rawequal(x, y) and math.type(x) == math.type(y) or (x ~= x and y ~= y)
end

function snapshot.same(a, b)
    return compare(a, b, {
        of = function(x) return x end,
        back = function(y) return a.records[y] ~= nil end,
        fits = plain_equal,
    })
end

function snapshot.alike(a, b)
    -- A Lua function that is no longer there stands for the one of equal code and cells that is new.
    local function fingerprint(record)
        local parts = { record.code }
        for i, cell in ipairs(record.cells) do
            parts[i + 1] = tostring(cell)
        end
        return table.concat(parts, "\0")
    end
    local fresh, forth, back = {}, {}, {} -- fresh: fingerprint -> new functions
    for y, q in pairs(b.records) do
        if a.records[y] == nil and q.kind == "function" and not q.c then
            local key = fingerprint(q)
            fresh[key] = fresh[key] or {}
            table.insert(fresh[key], y)
        end
    end
    local function take(list, path) -- of several that are all alike, the one found at the same place
        for i, y in ipairs(list) do
            if b.paths[y] == path then
                return table.remove(list, i)
            end
        end
        return table.remove(list)
    end
    for x, p in pairs(a.records) do
        if b.records[x] == nil and p.kind == "function" and not p.c then
            local y = take(fresh[fingerprint(p)] or {}, a.paths[x])
            if y == nil then
                return ("at %s: function %s is gone, and none of its code and cells came"):format(a.paths[x], p.where)
            end
            forth[x], back[y] = y, x
        end
    end
    return compare(a, b, {
        of = function(x) return forth[x] or x end,
        back = function(y) return back[y] ~= nil or a.records[y] ~= nil end,
        fits = function(x, y) return plain_equal(x, y) or (forth[x] ~= nil and forth[x] == y) end,
    })
end

return snapshot
