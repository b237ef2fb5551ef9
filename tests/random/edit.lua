-- Random edits of a model: what people do to a file between two pushes. edit(generator, m) returns another model, valid, with one
-- to five edits, and their names; m stays as it is.

local here = arg[0]:match("^(.*)/[^/]*$") or "."
local model = dofile(here .. "/model.lua")

-- ---- finding things ---------------------------------------------------------------------------------------------------------

-- Every function of the model with the position of its item: { fn, at, top } (top: not inside another).
local function functions(m)
    local list = {}
    local function add(fn, at, top)
        list[#list + 1] = { fn = fn, at = at, top = top }
        for _, s in ipairs(fn.body) do
            if s.fn then add(s.fn, at, false) end
        end
        if fn.ret and fn.ret.closure then add(fn.ret.closure, at, false) end
    end
    for at, item in ipairs(m.items) do
        if item.fn or item.fn_arg then add(item.fn or item.fn_arg, at, true) end
        if item.value then model.value_functions(item.value, function(fn) add(fn, at, true) end) end
    end
    return list
end

-- Every value of the model: { holder, key, value, at }; the value is holder[key].
local function values(m)
    local list = {}
    local function add(holder, key, at)
        local value = holder[key]
        list[#list + 1] = { holder = holder, key = key, value = value, at = at }
        for _, f in ipairs(value.fields or {}) do add(f, 2, at) end
    end
    for at, item in ipairs(m.items) do
        if item.value and item.k ~= "meta" and item.k ~= "global" then add(item, "value", at) end
    end
    return list
end

local function pick(g, list, fits)
    local fitting = {}
    for _, x in ipairs(list) do
        if fits(x) then fitting[#fitting + 1] = x end
    end
    return #fitting > 0 and g.rng:pick(fitting) or nil
end

local function replace_uid(t, old, new)
    for k, v in pairs(t) do
        if type(v) == "table" then
            replace_uid(v, old, new)
        elseif (k == "uid" or k == "on" or k == "object") and v == old then
            t[k] = new
        end
    end
end

-- ---- edits: function(g, m), which change m; false where there is nothing to do ------------------------------------------------------

local edits = {}

function edits.constant(g, m)
    local f = pick(g, functions(m), function() return true end)
    if not f then return false end
    f.fn.body[1].of.x = f.fn.def * 100 + g:constant()
end

function edits.add_statement(g, m)
    local f = pick(g, functions(m), function(f) return not f.fn.no_calls end)
    if not f then return false end
    local before = #f.fn.body
    g:add_statement(m, g:scope(m, f.at), f.fn, g.rng:int(2, before + 1))
    return #f.fn.body > before
end

function edits.remove_statement(g, m)
    local f = pick(g, functions(m), function(f) return #f.fn.body > 1 end)
    if not f then return false end
    table.remove(f.fn.body, g.rng:int(2, #f.fn.body))
end

function edits.parameters(g, m)
    local f = pick(g, functions(m), function(f) return #f.fn.params == 1 and f.fn.params[1] == "x" end)
    if not f then return false end
    f.fn.params[2] = "y"
    table.insert(f.fn.body, { s = "add", of = { e = "y", x = g:constant() } })
end

function edits.add_items(g, m)
    local at = g.rng:int(1, #m.items + 1)
    for i, item in ipairs(g:items(m, at)) do table.insert(m.items, at + i - 1, item) end
end

function edits.remove_item(g, m)
    if #m.items == 0 then return false end
    table.remove(m.items, g.rng:int(1, #m.items))
end

-- An item and all that speaks of it.
function edits.remove_variable(g, m)
    local item = pick(g, m.items, function(i) return i.uid and i.k ~= "forward" and i.k ~= "define" end)
    if not item then return false end
    local uid = item.uid
    for i = #m.items, 1, -1 do
        local other = m.items[i]
        if other == item or other.on == uid or (other.value and other.value.uid == uid) then table.remove(m.items, i) end
    end
    for _, f in ipairs(functions(m)) do
        for i = #f.fn.body, 1, -1 do
            local s = f.fn.body[i]
            if s.uid == uid or (s.of and s.of.uid == uid) or (s.callee and s.callee.uid == uid) then table.remove(f.fn.body, i) end
        end
    end
end

function edits.move_item(g, m)
    if #m.items < 2 then return false end
    local item = table.remove(m.items, g.rng:int(1, #m.items))
    table.insert(m.items, g.rng:int(1, #m.items + 1), item)
end

function edits.blank(g, m)
    table.insert(m.items, g.rng:int(1, #m.items + 1), { k = "blank", n = g.rng:int(1, 4) })
end

-- The cell has another name; the function is the same.
function edits.rename_helper(g, m)
    local item = pick(g, m.items, function(i) return i.k == "helper" and m.kinds[i.uid] == "function" end)
    if not item then return false end
    local old = item.uid
    replace_uid(m.items, old, g:variable(m, "function", "h"))
end

function edits.rename_export(g, m)
    local item = pick(g, m.items, function(i) return i.k == "field" and i.on == 1 end)
    if not item then return false end
    item.key = g:key("r")
end

function edits.first_value(g, m)
    local v = pick(g, values(m), function(v) return v.value.v == "plain" or v.value.v == "std" or v.value.v == "get" end)
    if not v then return false end
    local x = v.value.x
    if v.value.v == "std" then
        v.holder[v.key] = g:plain("std")
    elseif v.value.v == "get" then
        v.value.arg = g:key("ev")
    elseif type(x) == "boolean" then
        v.value.x = not x
    else
        v.holder[v.key] = g:plain(type(x))
    end
end

function edits.change_kind(g, m)
    local v = pick(g, values(m), function(v) return v.value.v == "plain" or v.value.v == "table" end)
    if not v then return false end
    v.holder[v.key] = v.value.v == "plain" and g:table_value(m, g:scope(m, v.at), 2) or g:plain("number")
end

function edits.add_field(g, m)
    local v = pick(g, values(m), function(v) return v.value.v == "table" end)
    if not v then return false end
    local kind = g.rng:weighted { { 4, "number" }, { 1, "bool" }, { 1, "list" }, { 1, "std" }, { 3, "fn" }, { 2, "table" } }
    local field = { g:key(kind == "fn" and "f" or "k"), g:field_value(m, g:scope(m, v.at), kind, 2) }
    table.insert(v.value.fields, g.rng:int(1, #v.value.fields + 1), field)
    if #v.value.fields > 1 then -- an element stays where it is in its list
        for i, f in ipairs(v.value.fields) do
            if f[1] == i + 1 or math.type(f[1]) == "integer" then v.value.fields[i][1] = f[1] end
        end
    end
end

function edits.remove_field(g, m)
    local v = pick(g, values(m), function(v) return v.value.v == "table" and #v.value.fields > 0 end)
    if not v then return false end
    table.remove(v.value.fields, g.rng:int(1, #v.value.fields))
end

function edits.list_longer(g, m)
    local v = pick(g, values(m), function(v)
        local f = v.value.fields
        return f and (#f == 0 or f[#f][1] == #f)
    end)
    if not v then return false end
    table.insert(v.value.fields, { #v.value.fields + 1, g:plain("number") })
end

function edits.swap_exports(g, m)
    local function export(i) return i.k == "field" and i.on == 1 and i.value.v == "fn" end
    local a, b = pick(g, m.items, export), pick(g, m.items, export)
    if not a or a == b then return false end
    a.key, b.key = b.key, a.key
end

-- M.a = one helper; M.a = another.
function edits.retarget(g, m)
    local item = pick(g, m.items, function(i) return i.k == "field" and i.value.v == "ref" and i.key ~= "__index" end)
    local other = item and pick(g, m.items, function(i)
        return i.uid and i.uid ~= item.value.uid and m.kinds[i.uid] == m.kinds[item.value.uid]
    end)
    if not other then return false end
    item.value.uid = other.uid
end

-- local a = one; local a = another.
function edits.retarget_local(g, m)
    local item = pick(g, m.items, function(i) return i.k == "local" and i.value and i.value.v == "ref" end)
    local other = item and pick(g, m.items, function(i)
        return i.uid and i.uid ~= item.value.uid and i.uid ~= item.uid and m.kinds[i.uid] == m.kinds[item.value.uid]
    end)
    if not other then return false end
    item.value.uid = other.uid
end

local WEIGHTS = {
    { 10, "constant" }, { 10, "add_statement" }, { 4, "remove_statement" }, { 2, "parameters" }, { 8, "add_items" }, { 2, "remove_item" },
    { 3, "remove_variable" }, { 4, "move_item" }, { 2, "blank" }, { 2, "rename_helper" }, { 2, "rename_export" },
    { 4, "first_value" }, { 2, "change_kind" }, { 4, "add_field" }, { 2, "remove_field" }, { 1, "list_longer" }, { 1, "swap_exports" },
    { 1, "retarget" },
}

local WIDE_WEIGHTS = table.move(WEIGHTS, 1, #WEIGHTS, 2, { { 12, "retarget_local" } })

local function edit(g, m)
    local done, names = m, {}
    for _ = 1, g.rng:int(1, 5) do
        for _ = 1, 5 do
            local copy = model.clone(done)
            local name = g.rng:weighted(g.wide and WIDE_WEIGHTS or WEIGHTS)
            if edits[name](g, copy) ~= false and model.valid(copy) then
                done = copy
                names[#names + 1] = name
                break
            end
        end
    end
    return model.clone(done), names
end

return edit
