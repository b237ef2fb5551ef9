-- What is the successor of what, between three mirrors of a module: base, new and live. The first half of merge.lua, which says what
-- then becomes of each place.
--
-- twins.pair(p) reads p.base, p.fresh, p.live (worlds) and p.base_model, p.fresh_model, and adds to p:
--   slots        places { kind="field"|"cell"|"meta", t|cell, key, b, n, l, list, diverged, path }; twins.NONE: absent
--   live_fresh   live function or table -> the new one whose place it has; twin: the other way
--   (retargeted: the source has another of its tables there now)
--   fresh_of, base_of, cell_base   functions, tables and cells between new and base; code_fresh: number of a base function -> that of its pair in new
--   links        cell of base or new -> set of live cells that are that local
--   got          argument of bus.get -> { live value }, where base and new make the same call

local twins = {}
local mirror
function twins.use(m) mirror = m end

local NONE = setmetatable({}, { __name = "absent" })
twins.NONE = NONE

local codes = setmetatable({}, { __mode = "k" })
local function code(f)
    codes[f.fn] = codes[f.fn] or mirror.model.code(f.names, f.fn)
    return codes[f.fn]
end

local function is_T(v) return type(v) == "table" and v.T == true end
local function is_F(v) return type(v) == "table" and v.F == true end

local function is_list(t)
    if t.view then return false end
    local n = 0
    for _ in pairs(t.f) do n = n + 1 end
    return n == #t.f
end

-- ---- questions about values ---------------------------------------------------------------------------------------------

local function equal(x, y, seen)
    if type(x) ~= "table" or type(y) ~= "table" then
        return rawequal(x, y) and math.type(x) == math.type(y)
    end
    if x.F and y.F then return code(x) == code(y) end
    if x.P and y.P then return x.P == y.P end
    if is_T(x) and is_T(y) and not x.view and not y.view then
        seen = seen or {}
        if seen[x] == y then return true end
        seen[x] = y
        for k, v in pairs(x.f) do
            if y.f[k] == nil or not equal(v, y.f[k], seen) then return false end
        end
        for k in pairs(y.f) do
            if x.f[k] == nil then return false end
        end
        return equal(x.meta, y.meta, seen)
    end
    return (x.view or x) == (y.view or y)
end

local function kind(v)
    if type(v) ~= "table" then return "plain" end
    if v.T then return "table" end
    if v.P then return "unknown" end
    return "function"
end

-- { [def] = { fn, parent = def, name = } } of all functions, nested ones too.
function twins.index_functions(m)
    local index = {}
    local function add(fn, parent, name)
        index[fn.def] = { fn = fn, parent = parent, name = name }
        for _, s in ipairs(fn.body) do
            if s.fn then add(s.fn, fn.def, m.names[s.uid]) end
        end
        if fn.ret and fn.ret.closure then add(fn.ret.closure, fn.def) end
    end
    for _, fn in ipairs(mirror.model.functions(m)) do add(fn) end
    return index
end

local function alike(m, x, n, y) -- so near that the one is taken for an edit of the other
    local a, b = mirror.model.captures(x), mirror.model.captures(y)
    local common, most_a, most_b = 0, 0, 0
    for uid in pairs(a) do
        most_a = most_a + 1
        if b[uid] and m.names[uid] == n.names[uid] then common = common + 1 end
    end
    for _ in pairs(b) do most_b = most_b + 1 end
    return #x.params == #y.params and common * 2 >= math.max(most_a, most_b)
end

-- ---- base and new -------------------------------------------------------------------------------------------------------

-- Names that the bytecode gives to the functions of a module: { [def] = name }; those that are unique, and all.
local function declared_names(world, m)
    local name_of, count = {}, {}
    local function note(fn, name)
        name_of[fn.def] = name
        count[name] = (count[name] or 0) + 1
    end
    local function note_value(value, name)
        if value.v == "fn" then note(value.fn, name) end
        for _, f in ipairs(value.fields or {}) do note_value(f[2], "." .. tostring(f[1])) end
    end
    for _, item in ipairs(m.items) do
        local on = type(item.on) == "number" and world.names[item.on] or item.on
        if item.fn then note(item.fn, world.names[item.uid]) end
        if item.value then note_value(item.value, item.k == "field" and on .. "." .. item.key or item.uid and world.names[item.uid] or "") end
    end
    local unique = {}
    for def, name in pairs(name_of) do
        if count[name] == 1 then unique[def] = name end
    end
    return unique, name_of
end

local function named_cells(f) -- { name = cell }
    local cells = {}
    for uid, cell in pairs(f.up) do cells[f.names[uid]] = cell end
    return cells
end

local function sorted(t) return mirror.sorted(t) end

-- Every object that a world can reach.
function twins.roots(world)
    local roots = { world.M, world.registered, world.held, world.waiting }
    for _, name in ipairs(sorted(world.globals)) do roots[#roots + 1] = world.globals[name] end
    for _, object in ipairs(world.pool or {}) do roots[#roots + 1] = object end
    return roots
end

-- { [table] = { [name of a captured local that holds it] = true } }
local function table_names(world)
    local names = {}
    mirror.walk(twins.roots(world), function(v)
        for uid, cell in pairs(v.F and v.up or {}) do
            local t = cell[1]
            if is_T(t) and not t.view then
                names[t] = names[t] or {}
                names[t][v.names[uid]] = true
            end
        end
    end)
    return names
end

local function same_effect(b, n)
    if b.call ~= n.call or #b.args ~= #n.args or (b.fn == nil) ~= (n.fn == nil) then return false end
    for i, x in ipairs(b.args) do
        if x ~= n.args[i] then return false end
    end
    return true
end

local function pair_effects(p, later)
    for _, way in ipairs { "equal", "any" } do
        for _, n in ipairs(p.fresh.effects) do
            for _, b in ipairs(p.base.effects) do
                if not n.paired and not b.paired and same_effect(b, n) and
                    (way == "any" or not n.fn or code(b.fn) == code(n.fn)) then
                    n.paired, b.paired = true, true
                    later(b.fn, n.fn)
                end
            end
        end
    end
end

-- The new code of an old function that is no slot's: by its parents, then by name, code or likeness.
function twins.new_code(p, def)
    if p.code_fresh[def] then return p.code_fresh[def] end
    local b, n = p.base_functions[def], p.fresh_functions[def]
    if not b or not n or (b.parent and twins.new_code(p, b.parent) ~= n.parent) or (not b.parent) ~= (not n.parent) then return nil end
    for _, other in pairs(p.code_fresh) do
        if other == def then return nil end
    end
    if b.name then return b.name == n.name and def or nil end
    local same = mirror.model.code(p.base.names, b.fn) == mirror.model.code(p.fresh.names, n.fn)
    if not b.parent then -- made by the body, and nothing of the new module uses it
        local name = p.base_names[def]
        return (same or name and name == p.fresh_names[def]) and def or nil
    end
    return (same or alike(p.base, b.fn, p.fresh, n.fn)) and def or nil
end

-- Locals are paired one to one: where names shadow each other, most votes first, then in the order of the new source.
local function pair_cells(p)
    local ballots, declared = {}, {}
    for _, side in ipairs { { p.base_model, p.base }, { p.fresh_model, p.fresh } } do
        for at, item in ipairs(side[1].items) do
            local cell = item.uid and side[2].cells[item.uid]
            if cell then declared[cell] = declared[cell] or at end
        end
    end
    for nc, list in pairs(p.votes) do
        for bc, votes in pairs(list) do
            ballots[#ballots + 1] = { bc = bc, nc = nc, votes = votes, at = declared[nc] or 0, base_at = declared[bc] or 0 }
        end
    end
    table.sort(ballots, function(a, b)
        if a.votes ~= b.votes then return a.votes > b.votes end
        if a.at ~= b.at then return a.at < b.at end
        return a.base_at < b.base_at
    end)
    for _, b in ipairs(ballots) do
        if not p.cell_base[b.nc] and not p.cell_fresh[b.bc] then p.cell_base[b.nc], p.cell_fresh[b.bc] = b.bc, b.nc end
    end
end

local function pair_sources(p)
    p.fresh_of, p.base_of, p.cell_fresh, p.cell_base, p.votes = {}, {}, {}, {}, {}
    local code_fresh, code_base = {}, {} -- def -> def
    local seen, queue, at = {}, {}, 1

    local function later(b, n)
        if type(b) ~= "table" or type(n) ~= "table" then return end
        seen[b] = seen[b] or {}
        if not seen[b][n] then
            seen[b][n] = true
            queue[#queue + 1] = { b, n }
        end
    end
    local function pair_codes(b, n)
        if not code_fresh[b] and not code_base[n] then code_fresh[b], code_base[n] = n, b end
        return code_fresh[b] == n
    end
    local base_names, all_base_names = declared_names(p.base, p.base_model)
    local fresh_names, all_fresh_names = declared_names(p.fresh, p.fresh_model)
    p.base_functions, p.fresh_functions = twins.index_functions(p.base_model), twins.index_functions(p.fresh_model)
    local renamed = {} -- at one path, but of two names: whoever has the name comes first
    local locals_of_base, locals_of_fresh = table_names(p.base), table_names(p.fresh)
    local function other_names(b, n)
        local x, y = locals_of_base[b], locals_of_fresh[n]
        if not x and not y then return false end
        for name in pairs(x or {}) do
            if y and y[name] then return false end
        end
        return true
    end
    local function one_to_one(b, n)
        if not p.base_of[n] and not p.fresh_of[b] then p.base_of[n], p.fresh_of[b] = b, n end
        return p.base_of[n] == b
    end
    local function tables(b, n)
        if is_list(b) and is_list(n) then return end
        if not b.view and not n.view then
            if p.base_of[n] ~= b and renamed and other_names(b, n) then
                renamed[#renamed + 1] = { b, n }
                return
            end
            if not one_to_one(b, n) then return end
        end
        for _, rank in ipairs { "others", "tables" } do -- the first name a table has is its own
            for _, k in ipairs(rank == "tables" and n.keys or sorted(n.f)) do
                if is_T(n.f[k]) == (rank == "tables") then later(b.f[k], n.f[k]) end
            end
        end
        later(b.meta, n.meta)
    end
    local moved = {} -- one made by the body, one by a factory: whoever has the code comes first
    local function parent_of(functions_of, f)
        return (functions_of[f.fn.def] or {}).parent
    end
    local function functions(b, n)
        if moved and (parent_of(p.base_functions, b) == nil) ~= (parent_of(p.fresh_functions, n) == nil) then
            moved[#moved + 1] = { b, n }
            return
        end
        local x, y = all_base_names[b.fn.def], all_fresh_names[n.fn.def]
        if renamed and x and y and x ~= y then
            renamed[#renamed + 1] = { b, n }
            return
        end
        if not pair_codes(b.fn.def, n.fn.def) then return end
        p.base_of[n] = p.base_of[n] or b
        p.fresh_of[b] = p.fresh_of[b] or n
        local of_base, of_fresh = named_cells(b), named_cells(n)
        for _, name in ipairs(sorted(of_fresh)) do
            local bc, nc = of_base[name], of_fresh[name]
            if bc then
                p.votes[nc] = p.votes[nc] or {}
                p.votes[nc][bc] = (p.votes[nc][bc] or 0) + 1
                later(bc[1], nc[1])
            end
        end
    end
    local function run()
        while queue[at] do
            local b, n = queue[at][1], queue[at][2]
            at = at + 1
            if is_F(b) and is_F(n) then
                functions(b, n)
            elseif is_T(b) and is_T(n) then
                tables(b, n)
            end
        end
    end
    one_to_one(p.base.M, p.fresh.M)
    later(p.base.M, p.fresh.M)
    for _, name in ipairs(sorted(p.fresh.globals)) do later(p.base.globals[name], p.fresh.globals[name]) end
    run()
    pair_effects(p, later)
    run()

    local function instances(world) -- def -> the only closure; false where there are several
        local of = {}
        mirror.walk(twins.roots(world), function(v)
            if is_F(v) then of[v.fn.def] = of[v.fn.def] == nil and v end
        end)
        return of
    end
    local in_base, in_fresh = instances(p.base), instances(p.fresh)
    p.code_fresh, p.base_names, p.fresh_names = code_fresh, base_names, fresh_names
    for _, way in ipairs { "name", "code", "place" } do
        if way == "name" then -- also functions that only text knows of
            for _, def in ipairs(sorted(p.fresh_functions)) do
                local b = p.base_functions[def]
                if b and not b.parent and base_names[def] and base_names[def] == fresh_names[def] then pair_codes(def, def) end
            end
        end
        for _, def in ipairs(sorted(in_fresh)) do
            local b, n = in_base[def], in_fresh[def]
            if b and n and (code_fresh[def] == def and not p.base_of[n] or not code_base[def] and not code_fresh[def]) then
                local same = code(b) == code(n)
                if way == "place" then same = p.base_functions[def] and p.base_functions[def].parent and twins.new_code(p, def) == def end
                if way == "name" then same = base_names[def] and base_names[def] == fresh_names[def] end
                if same and pair_codes(def, def) then later(b, n) end
            end
        end
        run()
        local waiting = renamed
        renamed = nil
        for _, pair in ipairs(waiting or {}) do (is_F(pair[1]) and functions or tables)(pair[1], pair[2]) end
        run()
        if way == "code" then
            waiting, moved = moved, nil
            for _, pair in ipairs(waiting) do functions(pair[1], pair[2]) end
            run()
        end
    end
    p.in_base = in_base
    pair_cells(p)
end

-- ---- live ----------------------------------------------------------------------------------------------------------------

local function lay_live_beside(p)
    p.slots, p.live_fresh, p.twin, p.links, p.got = {}, {}, {}, {}, {}
    local queues, at, seen, cell_slots = { {}, {}, {} }, { 1, 1, 1 }, {}, {}

    local function later(rank, b, n, l)
        if type(l) ~= "table" or (b == nil and n == nil) then return end
        local key = ("%p %p %p"):format(b, n, l)
        if type(b) ~= "table" and type(n) ~= "table" then return end
        if not seen[key] then
            seen[key] = true
            table.insert(queues[rank], { b, n, l })
        end
    end
    local function link(cell, l)
        p.links[cell] = p.links[cell] or {}
        p.links[cell][l] = true
    end
    local function retargeted(b, n, l)
        if not (is_T(b) and is_T(n) and is_T(l)) or b.view or n.view or p.base_of[n] == b or p.twin[n] == l then return false end
        return p.base_of[n] ~= nil or p.fresh_of[b] ~= nil
    end
    local function diverges(n, l)
        if not (is_T(n) and not n.view and is_T(l)) then return false end
        if not p.twin[n] and not p.live_fresh[l] then p.twin[n], p.live_fresh[l] = l, n end
        return p.twin[n] ~= l
    end
    local function functions(b, l)
        if not is_F(b) or code(b) ~= code(l) then return end
        local n = p.fresh_of[b]
        if n then
            p.live_fresh[l] = p.live_fresh[l] or n
            p.twin[n] = p.twin[n] or l
        end
        local of_base = named_cells(b)
        local of_live = named_cells(l)
        for _, name in ipairs(sorted(of_live)) do
            local lc, bc = of_live[name], of_base[name]
            local nc = p.cell_fresh[bc]
            link(bc, lc)
            if nc then
                if not retargeted(bc[1], nc[1], lc[1]) then diverges(nc[1], lc[1]) end -- a local's table is known by the local
                link(nc, lc)
                if not cell_slots[lc] then
                    cell_slots[lc] = true
                    table.insert(p.slots, { kind = "cell", cell = lc, b = bc[1], n = nc[1], l = lc[1], path = "^" .. name })
                end
            end
            later(1, bc[1], nc and nc[1], lc[1])
        end
    end
    local function field(t, b, n, key, list, path)
        local bv, nv, lv = NONE, NONE, t.f[key]
        if b and b.f[key] ~= nil then bv = b.f[key] end
        if n and n.f[key] ~= nil then nv = n.f[key] end
        if lv == nil then lv = NONE end
        local slot = { kind = "field", t = t, key = key, b = bv, n = nv, l = lv, list = list, path = path .. tostring(key) }
        slot.retargeted = retargeted(bv, nv, lv)
        slot.diverged = slot.retargeted or diverges(nv, lv)
        if n then table.insert(p.slots, slot) end -- what hangs in something that is gone is nobody's business
        if slot.diverged or lv == NONE then return end
        if bv == NONE then bv = nil end
        if nv == NONE then nv = nil end
        later((is_F(nv) or is_F(bv)) and 2 or 3, bv, nv, lv)
    end
    local function fields(b, n, l, path)
        local list = is_T(b) and is_T(n) and is_list(b) and is_list(n)
        for _, key in ipairs(n and (n.keys or sorted(n.f)) or {}) do field(l, b, n, key, list, path) end
        for _, key in ipairs(sorted(b and b.f or {})) do
            if not n or n.f[key] == nil then field(l, b, n, key, list, path) end
        end
        local bm, nm = b and b.meta, n and n.meta
        if bm == nil and nm == nil then return end
        local slot = { kind = "meta", t = l, b = bm or NONE, n = nm or NONE, l = l.meta or NONE, path = path .. "@mt" }
        slot.retargeted = retargeted(bm, nm, l.meta)
        slot.diverged = slot.retargeted or diverges(nm, l.meta)
        if n then table.insert(p.slots, slot) end
        if not slot.diverged and l.meta then later(3, bm, nm, l.meta) end
    end
    local function visit(b, n, l)
        if type(n) == "table" and n.P and type(b) == "table" and b.P == n.P then p.got[n.P] = { l } end
        if is_F(l) then
            functions(b, l)
        elseif is_T(l) then
            if is_T(n) or (n == nil and is_T(b)) then
                fields(is_T(b) and b or nil, is_T(n) and n or nil, l, "")
            end
        end
    end

    diverges(p.fresh.M, p.live.M)
    later(1, p.base.M, p.fresh.M, p.live.M)
    later(2, { T = true, f = p.base.globals }, { T = true, f = p.fresh.globals }, { T = true, f = p.live.globals })
    local function run()
        while true do
            local rank = 1
            while rank <= 3 and not queues[rank][at[rank]] do rank = rank + 1 end
            if rank > 3 then break end
            local t = queues[rank][at[rank]]
            at[rank] = at[rank] + 1
            visit(t[1], t[2], t[3])
        end
    end
    run()
    local function several(def) -- a factory made them: which of them is the body's, nobody can tell
        local count = 0
        mirror.walk(twins.roots(p.live), function(l)
            if is_F(l) and l.fn.def == def and not p.live_fresh[l] and code(p.in_base[def]) == code(l) then count = count + 1 end
        end)
        return count > 1 and p.base_functions[def].parent
    end
    for _ = 1, 2 do -- those that no path leads to: handlers that were handed over, renamed helpers, and what only these see
        mirror.walk(twins.roots(p.live), function(l)
            local b = is_F(l) and not p.live_fresh[l] and p.in_base[l.fn.def]
            if b and code(b) == code(l) and p.fresh_of[b] and not p.twin[p.fresh_of[b]] and not several(l.fn.def) then later(1, b, p.fresh_of[b], l) end
        end)
        run()
    end
    -- What others hold of the module knows its locals too, where nothing nearer does.
    local body_locals = {} -- def -> { name = cell of the base }, of functions that the base's body made
    mirror.walk(twins.roots(p.base), function(b)
        if not is_F(b) or body_locals[b.fn.def] then return end
        body_locals[b.fn.def] = {}
        for uid, cell in pairs(b.up) do
            if p.base.cells[uid] == cell then body_locals[b.fn.def][b.names[uid]] = cell end
        end
        body_locals[b.fn.def][0] = b
    end)
    local known = {}
    for cell in pairs(p.links) do known[cell] = true end
    mirror.walk(twins.roots(p.live), function(l)
        local of = is_F(l) and not p.live_fresh[l] and body_locals[l.fn.def]
        if not of or code(of[0]) ~= code(l) then return end
        for name, lc in pairs(named_cells(l)) do
            if of[name] and not known[of[name]] then link(of[name], lc) end
        end
    end)
end

function twins.pair(p)
    pair_sources(p)
    lay_live_beside(p)
end

twins.code, twins.equal, twins.kind, twins.named_cells = code, equal, kind, named_cells

return twins
