-- Makes a random module (see model.lua for what it may consist of), and new parts for edits of it.
--
-- A generator is { rng, uids, defs, keys }: its counters go on over the edits of one module, so no name and no number is ever
-- used a second time, but for names that shadow on purpose. m.kinds[uid] says what a variable is for, so that functions mostly make
-- sense; the program may put anything anywhere, then they raise errors, which the mirror does as well.

local here = arg[0]:match("^(.*)/[^/]*$") or "."
local new_rng = dofile(here .. "/rng.lua")

local generate = {}
generate.__index = generate

local STD = { "math.floor", "math.ceil", "math.abs", "tonumber" }
local WORDS = { "k", "lo", "q7", "é" }

generate.WIDE = 50000 -- seeds beyond that know more kinds of programs; those before stay what they were

function generate.new(seed)
    return setmetatable({ rng = new_rng(seed), uids = 1, defs = 0, keys = 0, wide = seed > generate.WIDE }, generate)
end

function generate:variable(m, kind, prefix)
    self.uids = self.uids + 1
    m.names[self.uids] = (prefix or kind:sub(1, 1)) .. self.uids
    m.kinds[self.uids] = kind
    return self.uids
end

function generate:key(prefix)
    self.keys = self.keys + 1
    return (prefix or "k") .. self.keys
end

function generate:constant() return self.rng:int(1, 99) end

-- ---- what a function at a place of the module can use ---------------------------------------------------------------------

-- { kind = { uid… } } of the variables in scope at item `position`; fields = { { uid, key, kind }… } of the tables among them.
function generate:scope(m, position)
    local by_name, by_kind, fields = { M = 1 }, {}, {}
    for i = 1, position - 1 do
        local item = m.items[i]
        if item.uid and item.k ~= "define" then by_name[m.names[item.uid]] = item.uid end
    end
    local visible = {}
    for _, uid in pairs(by_name) do visible[#visible + 1] = uid end
    table.sort(visible)
    for _, uid in ipairs(visible) do
        local kind = m.kinds[uid]
        by_kind[kind] = by_kind[kind] or {}
        table.insert(by_kind[kind], uid)
    end
    local function note(uid, key, value)
        if by_name[m.names[uid]] ~= uid then return end
        local kind = value.v == "fn" and (value.fn.params[1] == "self" and "method" or value.fn.ret and "maker" or "fn")
            or value.v == "plain" and math.type(value.x) == "integer" and "number"
            or "other"
        fields[#fields + 1] = { uid = uid, key = key, kind = kind }
    end
    for _, item in ipairs(m.items) do
        if item.k == "local" and item.value and item.value.v == "table" then
            for _, f in ipairs(item.value.fields) do
                if type(f[1]) == "string" then note(item.uid, f[1], f[2]) end
            end
        elseif item.k == "field" and type(item.on) == "number" then
            note(item.on, item.key, item.value)
        end
    end
    return { variables = by_kind, fields = fields }
end

-- ---- functions --------------------------------------------------------------------------------------------------------

local function pick_variable(self, scope, kind)
    local list = scope.variables[kind]
    return list and self.rng:pick(list)
end

local function pick_field(self, scope, kind)
    local list = {}
    for _, f in ipairs(scope.fields) do
        if f.kind == kind then list[#list + 1] = f end
    end
    return #list > 0 and self.rng:pick(list) or nil
end

local makers = {}

function makers.number(self, uid)
    if self.rng:chance(50) then return { s = "bump", uid = uid, x = self:constant() } end
    return { s = "add", of = { e = "var", uid = uid } }
end
function makers.got(self, uid, fn) -- not in what the body calls: staged, it is a placeholder
    if fn.no_calls then return { s = "add", of = { e = "x" } } end
    return makers.number(self, uid)
end
function makers.bool(self, uid)
    if self.rng:chance(40) then return { s = "flip", uid = uid } end
    return { s = "add", of = { e = "bool", uid = uid, x = self:constant() } }
end
function makers.string(self, uid)
    if self.rng:chance(50) then return { s = "cat", uid = uid, x = self.rng:pick(WORDS) } end
    return { s = "add", of = { e = "len", uid = uid } }
end
function makers.list(self, uid)
    if self.rng:chance(50) then return { s = "put", uid = uid } end
    return { s = "add", of = { e = "len", uid = uid } }
end
function makers.std(self, uid)
    return { s = "add", of = { e = "std", uid = uid, of = { e = "k", x = self:constant() + 0.5 } } }
end
function makers.callback(self, uid, fn)
    if fn.params[2] == "y" and self.rng:chance(40) then return { s = "set", uid = uid } end
    return { s = "maybe", uid = uid }
end
makers["function"] = function(_, uid) return { s = "call", callee = { uid = uid } } end

-- One statement that uses what is there. `fn`: the function so far.
function generate:statement(m, scope, fn)
    local rng = self.rng
    for _ = 1, 8 do
        local kind = rng:weighted { { 6, "number" }, { 2, "bool" }, { 2, "string" }, { 2, "list" }, { 2, "std" }, { 2, "callback" }, { 2, "got" },
                                    { 5, "function" }, { 5, "field number" }, { 5, "field fn" }, { 2, "inner" }, { 2, "self" } }
        local field = kind:match("^field (.*)$")
        if kind == "inner" and not fn.is_inner and not fn.no_calls then
            local uid = self:variable(m, "inner", "in")
            local inner = self:fn(m, scope, { params = { "x" }, size = 1, inner = true })
            return { s = "inner", uid = uid, fn = inner }, { s = "call", callee = { uid = uid } }
        elseif kind == "self" and fn.params[1] == "self" then
            return { s = "bumpf", key = "n", x = self:constant() }
        elseif field then
            local f = pick_field(self, scope, field)
            if f and field == "number" then
                if rng:chance(50) then return { s = "bumpf", uid = f.uid, key = f.key, x = self:constant() } end
                return { s = "add", of = { e = "field", uid = f.uid, key = f.key } }
            elseif f and not fn.no_calls then
                return { s = "call", callee = { uid = f.uid, key = f.key } }
            end
        elseif makers[kind] and not (fn.no_calls and (kind == "function" or kind == "callback")) then
            local uid = pick_variable(self, scope, kind)
            if uid then return makers[kind](self, uid, fn) end
        end
    end
    return { s = "add", of = { e = "x" } }
end

local function calls(fn) -- a call for each of at most two statements: else mutual recursion takes for ever
    local n = 0
    for _, s in ipairs(fn.body) do
        if s.s == "call" then n = n + 1 end
    end
    return n
end

function generate:add_statement(m, scope, fn, at)
    local first, second = self:statement(m, scope, fn)
    if (first.s == "call" or second) and calls(fn) >= 2 then return end
    at = at or #fn.body + 1
    table.insert(fn.body, at, first)
    if second then table.insert(fn.body, at + 1, second) end
end

-- how: params, size (most statements), inner, no_calls
function generate:fn(m, scope, how)
    self.defs = self.defs + 1
    local fn = { def = self.defs, params = how.params or { "x" }, body = {}, is_inner = how.inner, no_calls = how.no_calls }
    if not how.params and self.rng:chance(30) then fn.params = { "x", "y" } end
    fn.body[1] = { s = "add", of = { e = "k", x = self.defs * 100 + self:constant() } } -- no two functions are equal by chance
    for _ = 1, self.rng:int(1, how.size or 4) do
        self:add_statement(m, scope, fn)
    end
    return fn
end

-- A function that makes closures with a variable of their own.
function generate:factory(m, scope)
    local fn = self:fn(m, scope, { params = { "x" }, size = 2, no_calls = true })
    local own, other = self:variable(m, "own", "n"), self:variable(m, "own", "m")
    table.insert(fn.body, { s = "local", uid = own, of = { e = "x" } })
    table.insert(fn.body, { s = "local", uid = other, of = { e = "k", x = self:constant() } })
    local closure = self:fn(m, scope, { params = { "x" }, size = 2 })
    closure.no_calls = nil
    table.insert(closure.body, { s = "bump", uid = own, x = self:constant() })
    if self.rng:chance(50) then
        table.insert(closure.body, { s = "bump", uid = other, x = self:constant() })
    end
    fn.ret = { closure = closure }
    return fn
end

-- ---- values and items ------------------------------------------------------------------------------------------------------

function generate:plain(kind)
    local rng = self.rng
    if kind == "number" then return { v = "plain", x = rng:int(0, 50) } end
    if kind == "bool" then return { v = "plain", x = rng:chance(50) } end
    if kind == "string" then return { v = "plain", x = rng:pick(WORDS) .. rng:int(1, 9) } end
    if kind == "callback" then return nil end
    if kind == "std" then return { v = "std", name = rng:pick(STD) } end
    if kind == "list" then
        local fields = {}
        for i = 1, rng:int(0, 3) do fields[i] = { i, { v = "plain", x = rng:int(1, 9) } } end
        return { v = "table", fields = fields }
    end
end

function generate:table_value(m, scope, depth)
    local value = { v = "table", fields = {} }
    for _ = 1, self.rng:int(depth > 1 and 0 or 1, 4) do
        local kind = self.rng:weighted { { 5, "number" }, { 1, "bool" }, { 1, "string" }, { 1, "list" }, { 1, "std" }, { 3, "fn" },
                                         { depth < 3 and 2 or 0, "table" } }
        value.fields[#value.fields + 1] = { self:key(kind == "fn" and "f" or "k"), self:field_value(m, scope, kind, depth) }
    end
    return value
end

function generate:field_value(m, scope, kind, depth)
    if kind == "fn" then return { v = "fn", fn = self:fn(m, scope, { size = 3 }) } end
    if kind == "table" then return self:table_value(m, scope, (depth or 1) + 1) end
    return self:plain(kind)
end

local KINDS = { { 6, "number" }, { 1, "bool" }, { 1, "string" }, { 1, "list" }, { 1, "std" }, { 1, "callback" } }
local items = {}

items["local"] = function(self, m)
    local kind = self.rng:weighted(KINDS)
    return { { k = "local", uid = self:variable(m, kind), value = self:plain(kind) } }
end

items["table"] = function(self, m, scope)
    local value = self:table_value(m, scope, 1)
    local uid = self:variable(m, "table")
    local list = { { k = "local", uid = uid, value = value } }
    if self.rng:chance(50) then
        list[2] = { k = "field", on = 1, key = self:key("t"), value = { v = "ref", uid = uid } }
    end
    return list
end

items.helper = function(self, m, scope)
    local uid = self:variable(m, "function", "h")
    local fn = self:fn(m, scope, { size = 3 })
    if self.rng:chance(25) then table.insert(fn.body, { s = "call", callee = { uid = uid } }) end -- recursion
    local list = { { k = "helper", uid = uid, fn = fn } }
    if self.rng:chance(15) then -- two slots of one function
        list[2] = { k = "field", on = 1, key = self:key("a"), value = { v = "ref", uid = uid } }
    end
    return list
end

items.mutual = function(self, m, scope)
    local a, b = self:variable(m, "function", "h"), self:variable(m, "function", "h")
    local f, g = self:fn(m, scope, { size = 2 }), self:fn(m, scope, { size = 2 })
    table.insert(f.body, { s = "call", callee = { uid = b } })
    table.insert(g.body, { s = "call", callee = { uid = a } })
    return { { k = "forward", uid = b }, { k = "helper", uid = a, fn = f }, { k = "define", uid = b, fn = g } }
end

items.export = function(self, m, scope)
    return { { k = "field", on = 1, key = self:key("f"), value = self:field_value(m, scope, "fn"),
               plain_style = self.rng:chance(20) or nil } }
end

items.field = function(self, m, scope)
    local kind = self.rng:weighted { { 5, "number" }, { 1, "bool" }, { 1, "string" }, { 1, "list" }, { 1, "std" }, { 3, "table" } }
    return { { k = "field", on = 1, key = self:key(kind == "table" and "t" or "k"), value = self:field_value(m, scope, kind) } }
end

-- A function put into a table after the table was made.
items.handler = function(self, m, scope)
    local on = pick_variable(self, scope, "table")
    if not on then return items.export(self, m, scope) end
    return { { k = "field", on = on, key = self:key("f"), value = self:field_value(m, scope, "fn") } }
end

items.factory = function(self, m, scope)
    local uid = self:variable(m, "factory", "mk")
    local list = { { k = "helper", uid = uid, fn = self:factory(m, scope) } }
    if self.rng:chance(60) then
        list[2] = { k = "field", on = 1, key = self:key("mk"), value = { v = "ref", uid = uid } }
    end
    for _ = 1, self.rng:int(0, 2) do
        local value = { v = "make", uid = uid, arg = self:constant() }
        if self.rng:chance(50) then
            list[#list + 1] = { k = "local", uid = self:variable(m, "function", "i"), value = value }
        else
            list[#list + 1] = { k = "field", on = 1, key = self:key("i"), value = value }
        end
    end
    return list
end

items.class = function(self, m, scope)
    local uid = self:variable(m, "class", "C")
    local new = self:fn(m, scope, { params = { "x" }, size = 2 })
    new.ret = { object = uid, fields = { { "n", { e = "x" } }, { self:key("o"), { e = "k", x = self:constant() } } } }
    local list = { { k = "local", uid = uid, value = { v = "table", fields = {} } },
                   { k = "field", on = uid, key = "__index", value = { v = "ref", uid = uid } },
                   { k = "field", on = uid, key = "new", value = { v = "fn", fn = new } } }
    for _ = 1, self.rng:int(1, 2) do
        list[#list + 1] = { k = "field", on = uid, key = self:key("me"),
                            value = { v = "fn", fn = self:fn(m, scope, { params = { "self", "x" }, size = 3 }) } }
    end
    list[#list + 1] = { k = "field", on = 1, key = self:key("C"), value = { v = "ref", uid = uid } }
    return list
end

items.meta = function(self, m, scope)
    local on = pick_variable(self, scope, "table")
    for _, item in ipairs(m.items) do
        if item.k == "meta" and item.on == on then on = nil end
    end
    if not on then return items.field(self, m, scope) end
    local fields = { { "__index", self:table_value(m, scope, 2) } }
    if self.rng:chance(50) then fields[2] = { "__call", { v = "fn", fn = self:fn(m, scope, { params = { "self", "x" } }) } } end
    return { { k = "meta", on = on, value = { v = "table", fields = fields } } }
end

items.global = function(self, m, scope)
    local name = self:key("G_")
    if self.rng:chance(30) then return { { k = "global", name = name, value = self:plain("number") } } end
    return { { k = "global", name = name, value = self:table_value(m, scope, 2) },
             { k = "field", on = name, key = self:key("f"), value = self:field_value(m, scope, "fn") } }
end

items.effect = function(self, m, scope)
    local item = { k = "effect", call = self.rng:pick { "on", "log" }, args = { self:key("ev"), self:constant() } }
    if self.rng:chance(60) then item.fn_arg = self:fn(m, scope, { size = 3 }) end
    return { item }
end

items.got = function(self, m)
    return { { k = "local", uid = self:variable(m, "got"), value = { v = "get", arg = self:key("ev") } } }
end

-- A second local of a name that was used above.
items.shadow = function(self, m, scope)
    local old = pick_variable(self, scope, "number")
    local list = items["local"](self, m)
    if old and m.kinds[list[1].uid] == "number" then m.names[list[1].uid] = m.names[old] end
    return list
end

-- Second names of what is there: of a helper, a table, a standard function.
items.alias = function(self, m, scope)
    local kind = self.rng:weighted { { 4, "function" }, { 2, "table" }, { 1, "std" }, { 1, "class" } }
    local of = pick_variable(self, scope, kind)
    if not of then return items["local"](self, m) end
    return { { k = "local", uid = self:variable(m, kind, "al"), value = { v = "ref", uid = of } } }
end

items.blank = function(self) return { { k = "blank", n = self.rng:int(1, 3) } } end

local WEIGHTS = {
    { 8, "local" }, { 4, "table" }, { 6, "helper" }, { 1, "mutual" }, { 10, "export" }, { 3, "field" }, { 3, "handler" },
    { 2, "factory" }, { 2, "class" }, { 1, "meta" }, { 2, "global" }, { 2, "effect" }, { 1, "got" }, { 1, "shadow" }, { 1, "blank" },
}

local WIDE_WEIGHTS = table.move(WEIGHTS, 1, #WEIGHTS, 2, { { 12, "alias" } })

-- New items that fit at `position`.
function generate:items(m, position, kind)
    return items[kind or self.rng:weighted(self.wide and WIDE_WEIGHTS or WEIGHTS)](self, m, self:scope(m, position))
end

function generate:module()
    local m = { items = {}, names = { "M" }, kinds = { "module" } }
    for _ = 1, self.rng:int(2, 14) do
        for _, item in ipairs(self:items(m, #m.items + 1)) do
            m.items[#m.items + 1] = item
        end
    end
    return m
end

return generate
