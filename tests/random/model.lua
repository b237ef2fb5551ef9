-- The vocabulary of random programs: a module as data, and what can be asked of it without running it.
--
-- A model is { items = list, names = { [uid] = name } }. Variables are numbers (uid), so that two of one name are told apart and an
-- edit knows which variable is which; uid 1 is the module table M. Functions have a number too (def), kept over edits.
--
--   item   { k="local", uid, value }            local v = VALUE        (value nil: `local v`)
--          { k="helper", uid, fn }              local function h … end
--          { k="forward", uid }                 local h                with, later,
--          { k="define", uid, fn }              function h … end
--          { k="field", on=uid|name, key, value }   on.key = VALUE     (a string is a global)
--          { k="meta", on=uid, value }          setmetatable(on, VALUE)
--          { k="global", name, value }          G = G or VALUE
--          { k="effect", call, args, fn_arg }   bus.CALL(…), with a function as the last argument
--          { k="blank", n }                     n lines of comment
--   VALUE  { v="plain", x } { v="table", fields={ {key, VALUE}… } } { v="fn", fn } { v="ref", uid } { v="std", name }
--          { v="make", uid, arg } (the result of a call of a local factory) { v="get", arg } (bus.get)
--   fn     { def, params={…}, body={ statement… }, ret=nil (r) | { closure=fn } | { object=uid, fields } }
--   statements and expressions: see `statement` and `expression` below, which print them, and mirror.lua, which runs them.

local model = {}

local function is_identifier(key) return type(key) == "string" and key:match("^[%a_][%w_]*$") end

local function literal(x)
    return type(x) == "string" and ("%q"):format(x) or tostring(x)
end

function model.clone(t)
    if type(t) ~= "table" then return t end
    local copy = {}
    for k, v in pairs(t) do copy[k] = model.clone(v) end
    return copy
end

-- ---- text ---------------------------------------------------------------------------------------------------------

local function index(name, key)
    return is_identifier(key) and name .. "." .. key or ("%s[%s]"):format(name, literal(key))
end

local function expression(names, e)
    local k = e.e
    if k == "k" then return literal(e.x) end
    if k == "x" then return "x" end
    if k == "y" then return ("(y or %s)"):format(literal(e.x)) end
    if k == "var" then return names[e.uid] end
    if k == "field" then return index(names[e.uid], e.key) end
    if k == "self" then return index("self", e.key) end
    if k == "len" then return "#" .. names[e.uid] end
    if k == "bool" then return ("(%s and %s or 0)"):format(names[e.uid], literal(e.x)) end
    if k == "std" then return ("%s(%s)"):format(names[e.uid], expression(names, e.of)) end
    error("expression " .. tostring(k))
end

local function_text

local function callee(names, c)
    if c.key then
        return names[c.uid] .. (c.method and ":" or ".") .. c.key
    end
    return names[c.uid]
end

local function statement(names, s, indent)
    local k, name = s.s, s.uid and names[s.uid]
    if k == "add" then return ("r = r + %s"):format(expression(names, s.of)) end
    if k == "local" then return ("local %s = %s"):format(name, expression(names, s.of)) end
    if k == "bump" then return ("%s = (%s + %s) %% 9973"):format(name, name, literal(s.x)) end
    if k == "bumpf" then
        local place = s.uid and index(name, s.key) or index("self", s.key)
        return ("%s = (%s + %s) %% 9973"):format(place, place, literal(s.x))
    end
    if k == "put" then return ("%s[#%s + 1] = x"):format(name, name) end
    if k == "flip" then return ("%s = not %s"):format(name, name) end
    if k == "cat" then return ("%s = (%s .. %s):sub(-9)"):format(name, name, literal(s.x)) end
    if k == "set" then return ("%s = y"):format(name) end
    if k == "call" then return ("if x > 0 then r = r + %s(x - 1) end"):format(callee(names, s.callee)) end
    if k == "maybe" then return ("if %s then r = r + %s(x) end"):format(name, name) end
    if k == "inner" then
        return "local function " .. name .. function_text(names, s.fn, indent)
    end
    error("statement " .. tostring(k))
end

-- "(x, y) … end"
function function_text(names, fn, indent)
    local deeper = indent .. "    "
    local lines = { ("(%s)"):format(table.concat(fn.params, ", ")), deeper .. "local r = 0" }
    for _, s in ipairs(fn.body) do
        lines[#lines + 1] = deeper .. statement(names, s, deeper)
    end
    if not fn.ret then
        lines[#lines + 1] = deeper .. "return r % 100003"
    elseif fn.ret.closure then
        lines[#lines + 1] = deeper .. "return function" .. function_text(names, fn.ret.closure, deeper)
    else
        local fields = {}
        for i, f in ipairs(fn.ret.fields) do fields[i] = ("%s = %s"):format(f[1], expression(names, f[2])) end
        lines[#lines + 1] = ("%sreturn setmetatable({ %s }, %s)"):format(deeper, table.concat(fields, ", "),
                                                                         names[fn.ret.object])
    end
    lines[#lines + 1] = indent .. "end"
    return table.concat(lines, "\n")
end

-- Equal for functions whose code is equal, whatever stands around them. `names`: of their model.
function model.code(names, fn) return function_text(names, fn, "") end

local function value_text(names, value, indent)
    local k = value.v
    if k == "plain" then return literal(value.x) end
    if k == "ref" then return names[value.uid] end
    if k == "std" then return value.name end
    if k == "make" then return ("%s(%s)"):format(names[value.uid], literal(value.arg)) end
    if k == "get" then return ("bus.get(%s)"):format(literal(value.arg)) end
    if k == "fn" then return "function" .. function_text(names, value.fn, indent) end
    local parts = {}
    local deeper, in_order = indent .. "    ", true
    for i, f in ipairs(value.fields) do
        in_order = in_order and f[1] == i -- else its place would give it another key
        local key = in_order and "" or (is_identifier(f[1]) and f[1] or "[" .. literal(f[1]) .. "]") .. " = "
        parts[i] = key .. value_text(names, f[2], deeper)
    end
    local text = table.concat(parts, ", ")
    if #text > 60 then
        return "{\n" .. deeper .. table.concat(parts, ",\n" .. deeper) .. ",\n" .. indent .. "}"
    end
    return #parts == 0 and "{}" or "{ " .. text .. " }"
end

local function item_text(names, item)
    local k, name = item.k, item.uid and names[item.uid]
    local on = type(item.on) == "number" and names[item.on] or item.on
    if k == "local" then
        return item.value and ("local %s = %s"):format(name, value_text(names, item.value, "")) or "local " .. name
    elseif k == "helper" then
        return "local function " .. name .. function_text(names, item.fn, "")
    elseif k == "forward" then
        return "local " .. name
    elseif k == "define" then
        return "function " .. name .. function_text(names, item.fn, "")
    elseif k == "field" then
        if item.value.v == "fn" and is_identifier(item.key) and not item.plain_style then
            local fn = item.value.fn
            if fn.params[1] == "self" then
                local rest = { def = fn.def, params = table.move(fn.params, 2, #fn.params, 1, {}), body = fn.body, ret = fn.ret }
                return ("function %s:%s%s"):format(on, item.key, function_text(names, rest, ""))
            end
            return ("function %s.%s%s"):format(on, item.key, function_text(names, fn, ""))
        end
        return ("%s = %s"):format(index(on, item.key), value_text(names, item.value, ""))
    elseif k == "meta" then
        return ("setmetatable(%s, %s)"):format(on, value_text(names, item.value, ""))
    elseif k == "global" then
        return ("%s = %s or %s"):format(item.name, item.name, value_text(names, item.value, ""))
    elseif k == "effect" then
        local args = {}
        for i, x in ipairs(item.args) do args[i] = literal(x) end
        if item.fn_arg then args[#args + 1] = "function" .. function_text(names, item.fn_arg, "") end
        return ("bus.%s(%s)"):format(item.call, table.concat(args, ", "))
    elseif k == "blank" then
        return ("-- %d\n"):format(item.n):rep(item.n)
    end
    error("item " .. tostring(k))
end

function model.render(m)
    local parts = { "local bus = require \"bus\"", "local M = {}" }
    for _, item in ipairs(m.items) do
        parts[#parts + 1] = item_text(m.names, item)
    end
    parts[#parts + 1] = "return M\n"
    return table.concat(parts, "\n")
end

-- ---- what a function refers to --------------------------------------------------------------------------------------

local function expression_uids(e, use)
    if e.uid then use(e.uid) end
    if e.of then expression_uids(e.of, use) end
end

-- Calls use(uid, "use" | "declare") in the order of the text.
local function walk_function(fn, use)
    local function expressions(e) expression_uids(e, function(uid) use(uid, "use") end) end
    for _, s in ipairs(fn.body) do
        if s.of then expressions(s.of) end
        if s.s == "local" then
            use(s.uid, "declare")
        elseif s.s == "inner" then
            use(s.uid, "declare")
            walk_function(s.fn, use)
        elseif s.uid then
            use(s.uid, "use")
        end
        if s.callee then use(s.callee.uid, "use") end
    end
    if fn.ret and fn.ret.closure then walk_function(fn.ret.closure, use) end
    if fn.ret and fn.ret.object then
        use(fn.ret.object, "use")
        for _, f in ipairs(fn.ret.fields) do expressions(f[2]) end
    end
end

local captured = setmetatable({}, { __mode = "k" })

-- The set of variables that the function captures. Models are not changed once they are in use.
function model.captures(fn)
    if not captured[fn] then
        local set, own = {}, {}
        walk_function(fn, function(uid, how)
            if how == "declare" then own[uid] = true elseif not own[uid] then set[uid] = true end
        end)
        captured[fn] = set
    end
    return captured[fn]
end

-- Every function of a value, of an item; nested ones not.
function model.value_functions(value, found)
    if value.v == "fn" then found(value.fn) end
    for _, f in ipairs(value.fields or {}) do model.value_functions(f[2], found) end
end

function model.functions(m)
    local list = {}
    for _, item in ipairs(m.items) do
        if item.fn or item.fn_arg then list[#list + 1] = item.fn or item.fn_arg end
        if item.value then model.value_functions(item.value, function(fn) list[#list + 1] = fn end) end
    end
    return list
end

-- ---- is it a program? -----------------------------------------------------------------------------------------------

local function value_uids(value, use)
    if value.uid then use(value.uid) end
    if value.v == "fn" then
        for uid in pairs(model.captures(value.fn)) do use(uid) end
    end
    for _, f in ipairs(value.fields or {}) do value_uids(f[2], use) end
end

-- Does every name stand for the variable that is meant? (Functions refer to what is declared above them.)
function model.valid(m)
    local scope, fine = { M = 1, bus = 0 }, true
    local function use(uid) fine = fine and scope[m.names[uid]] == uid end
    local function use_function(fn)
        for uid in pairs(model.captures(fn)) do use(uid) end
        local names = {} -- one function with two variables of one name cannot be looked into by name
        walk_function(fn, function(uid)
            local name = m.names[uid]
            fine = fine and name ~= nil and (names[name] == nil or names[name] == uid)
            if name then names[name] = uid end
        end)
    end
    local count = 0
    for _, item in ipairs(m.items) do
        if item.k == "helper" or item.k == "forward" then scope[m.names[item.uid]] = item.uid end
        if item.fn or item.fn_arg then use_function(item.fn or item.fn_arg) end
        if item.k == "define" then use(item.uid) end
        if type(item.on) == "number" then use(item.on) end
        if item.value then
            value_uids(item.value, use)
            model.value_functions(item.value, use_function)
        end
        if item.k == "local" then scope[m.names[item.uid]] = item.uid end
        count = count + (item.uid and 1 or 0)
    end
    return fine and count < 150
end

return model
