-- The merge rules (docs/design.md, section 6), once more and on mirrors: what a push must do to the live world.
--
-- Written from the design, not from the engine; simpler, because the three worlds say what is what. merge(base, new, live, options)
-- reads the three and returns a plan { status=, refusals={ code=true }, notes={ code=true }, writes= }; merge.apply(plan) writes
-- it into the live world, merge.revert(plan) takes it back as `revert` must. options: three_way, prune, replay(argument) -> value.

local twins = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/twins.lua")
local NONE, equal, kind, code, named_cells = twins.NONE, twins.equal, twins.kind, twins.code, twins.named_cells

local merge = { twins = twins }
local mirror -- set by merge.use; the same objects as the runner's

function merge.use(m)
    mirror = m
    twins.use(m)
end

local function is_F(v) return type(v) == "table" and v.F == true end


-- ---- translation -----------------------------------------------------------------------------------------------------------

local translate

local function live_cell(p, nc) -- the live cell of a new local, and whether there are several
    local found, count = nil, 0
    for _, list in ipairs { p.links[nc] or {}, p.cell_base[nc] and p.links[p.cell_base[nc]] or {} } do
        for lc in pairs(list) do
            if lc ~= found then
                found, count = found or lc, count + 1
            end
        end
    end
    return found, count > 1
end

local function new_cell(p, nc)
    if not p.new_cells[nc] then
        p.new_cells[nc] = {}
        p.new_cells[nc][1] = translate(p, nc[1])
    end
    return p.new_cells[nc]
end

-- The live cell that variable `uid` of the new function n joins; nil: none.
local function binding(p, n, uid, l)
    local nc, name = n.up[uid], n.names[uid]
    local b = p.base_of[n]
    local own = l and named_cells(l)[name]
    if own and b and p.cell_base[nc] ~= named_cells(b)[name] then own = nil end
    if own then return own end
    local lc, several = live_cell(p, nc)
    if several then p.refusals.R02 = true end
    return lc
end

local function make_function(p, n, l, memo, key)
    local f = { F = true, fn = n.fn, names = n.names, up = {} }
    memo[key] = f
    for uid, nc in pairs(n.up) do
        f.up[uid] = binding(p, n, uid, l) or new_cell(p, nc)
    end
    return f
end

local function successor(p, l)
    local n = p.live_fresh[l]
    if not n or not n.F then return l end
    if p.successors[l] then return p.successors[l] end
    local same = code(n) == code(l)
    if same then
        local of_live = named_cells(l)
        for uid in pairs(n.up) do
            same = same and binding(p, n, uid, l) == of_live[n.names[uid]]
        end
    end
    if same then
        p.successors[l] = l
        return l
    end
    return make_function(p, n, l, p.successors, l)
end

function translate(p, v)
    if type(v) ~= "table" then return v end
    if v.F then
        local l = p.twin[v]
        if l and p.live_fresh[l] == v then return successor(p, l) end
        return p.new_functions[v] or make_function(p, v, nil, p.new_functions, v)
    elseif v.view then
        return v.view
    elseif v.T then
        if p.twin[v] then return p.twin[v] end
        if not p.new_tables[v] then
            local t = mirror.table()
            p.new_tables[v] = t
            for k, x in pairs(v.f) do t.f[k] = translate(p, x) end
            t.meta = translate(p, v.meta)
        end
        return p.new_tables[v]
    elseif v.P then
        p.got[v.P] = p.got[v.P] or { p.options.replay(v.P) }
        return p.got[v.P][1]
    end
    return v
end

-- ---- closures that no slot speaks of: what factories made at run time --------------------------------------------------------------

-- A closure that a factory made: the new code, its own variables.
local function instance(p, l)
    if p.successors[l] then return p.successors[l] end
    local b = p.base_functions[l.fn.def]
    local def = b and mirror.model.code(p.base.names, b.fn) == twins.code(l) and twins.new_code(p, l.fn.def)
    local n = def and p.fresh_functions[def].fn
    if not n or mirror.model.code(p.fresh.names, n) == twins.code(l) then return l end
    local f = { F = true, fn = n, names = p.fresh.names, up = {} }
    for uid in pairs(mirror.model.captures(n)) do
        local own = named_cells(l)[p.fresh.names[uid]]
        local nc = p.fresh.cells[uid]
        if not own and not nc then
            p.refusals.R07 = true
        elseif not own and not p.captured[nc] then
            return l
        end
        f.up[uid] = own or nc and (live_cell(p, nc) or new_cell(p, nc))
    end
    p.successors[l] = f
    return f
end

-- Every live function that has a successor is replaced wherever it is held.
local function find_swaps(p)
    p.swaps, p.captured = {}, {}
    mirror.walk(twins.roots(p.fresh), function(n)
        for _, cell in pairs(n.up or {}) do p.captured[cell] = true end
    end)
    mirror.walk(twins.roots(p.live), function(l)
        if not is_F(l) then return end
        local f = p.live_fresh[l] and successor(p, l) or instance(p, l)
        if f ~= l then p.swaps[l] = f end
    end)
end

-- ---- decisions ---------------------------------------------------------------------------------------------------------------

local function untouched(s) return s.b ~= NONE and equal(s.b, s.l) end

local function write(p, s, value)
    table.insert(p.writes, { slot = s, put = value, path = s.path })
end

local function win(p, s)
    write(p, s, translate(p, s.n))
end

local function gone(p, s)
    if s.b == NONE or s.l == NONE or s.kind ~= "field" then return end
    if p.options.prune and (not is_F(s.b) or untouched(s)) then
        write(p, s, nil)
    else
        p.notes.R13 = true
    end
end

local function decide(p, s)
    if s.retargeted and not s.list then
        local l = p.fresh_of[s.b] and p.twin[p.fresh_of[s.b]]
        local still = untouched(s)
        if l then still = l == s.l end
        if p.twin[s.n] and still then win(p, s) else p.notes.R12 = true end
    end
    if s.diverged then return end
    if s.n == NONE then return gone(p, s) end
    if s.list then -- data, but functions in it are paired
        if is_F(s.l) and successor(p, s.l) ~= s.l then write(p, s, successor(p, s.l)) end
        return
    end
    if s.l == NONE then
        if s.b == NONE and s.n ~= nil then win(p, s) end
        return
    end
    local n, l, b = kind(s.n), kind(s.l), s.b ~= NONE and kind(s.b) or kind(s.l)
    local changed = s.b == NONE or not equal(s.b, s.n)
    if n ~= "unknown" and b ~= "unknown" and b ~= n then
        if untouched(s) then
            p.notes.R04 = true
            win(p, s)
        elseif n ~= l then
            p.refusals.R04 = true
        end
    elseif is_F(s.n) then
        local version = is_F(s.l) and is_F(s.b) and code(s.b) == code(s.l)
        if version then -- the slot gets what the source has there, which need not be the successor of what it had
            local same = p.live_fresh[s.l] == s.n or p.fresh_of[s.b] == s.n -- another closure of its code is one of it
            local value = same and successor(p, s.l) or translate(p, s.n)
            if value ~= s.l then write(p, s, value) end
        elseif not is_F(s.b) and untouched(s) then
            win(p, s)
        elseif s.kind ~= "cell" and changed then
            if l ~= "function" then p.refusals.R04 = true else win(p, s) end
        end
    elseif n == "function" then -- an alias of a foreign function
        if changed and untouched(s) and not equal(s.n, s.l) then win(p, s) end
    elseif n == "plain" and p.options.three_way and s.b ~= NONE and changed and untouched(s) then
        write(p, s, s.n)
    end
end

-- Returns the plan. `base_model`, `fresh_model`: what the staged worlds were loaded from.
function merge.plan(base_model, fresh_model, live, options)
    local p = { base = mirror.load(base_model, nil, live), fresh = mirror.load(fresh_model, nil, live), live = live,
                base_model = base_model, fresh_model = fresh_model, options = options, refusals = {}, notes = {}, writes = {},
                successors = {}, new_functions = {}, new_tables = {}, new_cells = {} }
    twins.pair(p)
    for _, slot in ipairs(p.slots) do decide(p, slot) end
    find_swaps(p)
    p.status = next(p.refusals) and "refused" or (#p.writes == 0 and not next(p.swaps)) and "no_change" or "applied"
    return p
end

local function current(s)
    if s.kind == "cell" then return s.cell[1] end
    if s.kind == "meta" then return s.t.meta end
    return s.t.f[s.key]
end

local function put(s, value)
    if s.kind == "cell" then
        s.cell[1] = value
    elseif s.kind == "meta" then
        s.t.meta = value
    else
        s.t.f[s.key] = value
    end
end

local function swap_all(p, swaps)
    mirror.walk(twins.roots(p.live), function(v)
        for key, held in pairs(v.T and v.f or {}) do
            if swaps[held] then v.f[key] = swaps[held] end
        end
        for _, cell in pairs(v.F and v.up or {}) do
            if swaps[cell[1]] then cell[1] = swaps[cell[1]] end
        end
    end)
end

function merge.apply(p)
    for _, w in ipairs(p.writes) do
        w.old = current(w.slot)
        put(w.slot, w.put)
    end
    swap_all(p, p.swaps)
end

-- Everything that the patch put and that is still there goes back to what it was.
function merge.revert(p)
    for i = #p.writes, 1, -1 do
        local w = p.writes[i]
        if rawequal(current(w.slot), w.put) then put(w.slot, w.old) end
    end
    -- What nothing held while a later patch was reverted may still have that one's functions.
    local returned = p.live.returned or {}
    p.live.returned = returned
    for old, new in pairs(p.swaps) do returned[new] = old end
    local back = {}
    for new, old in pairs(returned) do
        while returned[old] do old = returned[old] end
        back[new] = old
    end
    swap_all(p, back)
end

return merge
