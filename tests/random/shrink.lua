-- Makes a failing scenario smaller, while it goes on failing in the same way. shrink(scenario, model, try, problem) returns the
-- smaller one. `try(scenario)` gives nil or what went wrong; "the same way" is the first words of that.

local LIMIT = 600 -- tries

-- What a failure is about, without the names and numbers that change as the program shrinks.
local function gist(problem)
    return (problem:match("^[^\n]*"):gsub("[%d]+", "#"):gsub("at [^:]*:", "at:"):gsub("^([^:]*):[^:]*:", "%1:"):sub(1, 60))
end

local function count_fields(value, add)
    for i = #(value.fields or {}), 1, -1 do
        add(value.fields, i)
        count_fields(value.fields[i][2], add)
    end
end

local function fn_places(fn, add)
    for i = #fn.body, 2, -1 do
        add(fn.body, i)
        if fn.body[i].fn then fn_places(fn.body[i].fn, add) end
    end
    if fn.ret and fn.ret.closure then fn_places(fn.ret.closure, add) end
end

-- Lists and the positions in them that may be removed: items, statements, fields.
local function places(m)
    local list = {}
    local function add(holder, at) list[#list + 1] = { holder, at } end
    for i = #m.items, 1, -1 do add(m.items, i) end
    for _, item in ipairs(m.items) do
        if item.fn then fn_places(item.fn, add) end
        if item.value then
            count_fields(item.value, add)
        end
    end
    return list
end

local function with_functions(model, m)
    local list = places(m)
    for _, fn in ipairs(model.functions(m)) do
        fn_places(fn, function(holder, at) list[#list + 1] = { holder, at } end)
    end
    return list
end

-- A text for what stands at a place, to find the same thing in the other models.
local function same(a, b)
    if type(a) ~= type(b) then return false end
    if type(a) ~= "table" then return a == b end
    for _, key in ipairs { "k", "uid", "key", "def", "s", "name", "on", "v", 1 } do
        if type(a[key]) ~= "table" and a[key] ~= b[key] then return false end
    end
    return a.fn == nil or b.fn == nil or a.fn.def == b.fn.def
end

local function without(model, scenario, number)
    local copy = model.clone(scenario)
    local total = 0
    for i, m in ipairs(copy.models) do
        local list = with_functions(model, m)
        if number <= total + #list then
            local place = list[number - total]
            local thing = table.remove(place[1], place[2])
            for j = i + 1, #copy.models do -- from the later ones too, the same one
                for _, other in ipairs(with_functions(model, copy.models[j])) do
                    if same(other[1][other[2]], thing) then
                        table.remove(other[1], other[2])
                        break
                    end
                end
            end
            return copy
        end
        total = total + #list
    end
end

local function valid(model, scenario)
    for _, m in ipairs(scenario.models) do
        if not model.valid(m) then return false end
    end
    return true
end

local function shrink(scenario, model, try, problem)
    local wanted, tries = gist(problem), 0
    local function fails(candidate)
        tries = tries + 1
        if tries > LIMIT or not valid(model, candidate) then return false end
        local now = try(candidate)
        return now ~= nil and gist(now) == wanted
    end
    local function attempt(change)
        local candidate = model.clone(scenario)
        if change(candidate) == false then return end
        if fails(candidate) then scenario = candidate end
    end
    while #scenario.steps > 1 do
        local n = #scenario.steps
        attempt(function(s) s.steps[n], s.models[n + 1] = nil, nil end)
        if #scenario.steps == n then break end
    end
    while #scenario.steps > 1 do -- begin later
        local n = #scenario.steps
        attempt(function(s) table.remove(s.steps, 1) table.remove(s.models, 1) end)
        if #scenario.steps == n then break end
    end
    attempt(function(s) s.touches = 0 end)
    attempt(function(s) s.uses = 0 end)
    for i in ipairs(scenario.steps) do
        attempt(function(s) s.steps[i].prune = false end)
        attempt(function(s) s.steps[i].three_way = false end)
    end
    local progress = true
    while progress and tries < LIMIT do
        progress = false
        local number = 1
        while tries < LIMIT do
            local candidate = without(model, scenario, number)
            if not candidate then break end
            if fails(candidate) then
                scenario, progress = candidate, true
            else
                number = number + 1
            end
        end
    end
    return scenario
end

return shrink
