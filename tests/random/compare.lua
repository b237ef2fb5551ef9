-- Is the live program what the mirror says? compare(mirror, roots, known, reverted) walks both at once.
--
-- roots: list of { live value, value of the mirror, path }. known: { tables=, cells=, functions= }, weak maps from objects of the
-- mirror to the addresses of what stood for them the last time (the search for old functions must not find them here): tables keep their identity over a push, cells their place, functions
-- that did not change theirs. reverted: a function may have become several, of one code and on the same cells: a revert restores
-- programs up to the identity of functions. Returns nil and the pairs met, { live, mirror, path, via=… } in the order of the walk; or a sentence.

local function show(v, mirror)
    if mirror.is_object(v) then return v.T and "a table" or v.F and "function " .. v.fn.def or v.S or "?" end
    return type(v) == "string" and ("%q"):format(v) or tostring(v)
end

local function compare(mirror, roots, known, reverted)
    local to_live, to_mirror, queue = {}, {}, {}
    local problem

    local function fail(path, fmt, ...)
        problem = problem or ("at %s: %s"):format(path, fmt:format(...))
    end

    local function same_object(map, what, live, image, path)
        if to_live[image] == nil and to_mirror[live] == nil then
            to_live[image], to_mirror[live] = live, image
            local address = what == "cell" and live or ("%p"):format(live)
            if map[image] ~= nil and map[image] ~= address then fail(path, "another %s than before", what) end
            map[image] = address
            return true
        end
        if reverted and what == "function" and to_mirror[live] == nil then
            to_mirror[live] = image
            return true
        end
        if to_live[image] ~= live and to_mirror[live] ~= image then fail(path, "not the %s that the model says", what) end
        return false
    end

    local function meet(live, image, path)
        if problem then return end
        if type(image) ~= "table" then
            if not rawequal(live, image) or math.type(live) ~= math.type(image) then
                fail(path, "expected %s, found %s", show(image, mirror), tostring(live))
            end
        elseif image.S then
            if live ~= image.call then fail(path, "expected %s, found %s", image.S, tostring(live)) end
        elseif image.T then
            if type(live) ~= "table" then return fail(path, "expected a table, found %s", tostring(live)) end
            if same_object(known.tables, "table", live, image, path) then queue[#queue + 1] = { live, image, path } end
        else
            if type(live) ~= "function" then return fail(path, "expected %s, found %s", show(image, mirror), tostring(live)) end
            if same_object(known.functions, "function", live, image, path) then queue[#queue + 1] = { live, image, path } end
        end
    end

    local function meet_tables(live, image, path)
        for k, v in next, live do
            if image.f[k] == nil then return fail(path, "key %s is there, with %s", tostring(k), tostring(v)) end
        end
        for _, k in ipairs(mirror.sorted(image.f)) do meet(rawget(live, k), image.f[k], path .. "." .. tostring(k)) end
        meet(debug.getmetatable(live), image.meta, path .. "@mt")
    end

    local function meet_functions(live, image, path)
        local uids, names = {}, {}
        for uid in pairs(image.up) do uids[image.names[uid]] = uid end
        local i = 1
        while true do
            local name, value = debug.getupvalue(live, i)
            if name == nil then break end
            if name ~= "_ENV" then
                names[name] = true
                local cell = image.up[uids[name] or 0]
                if cell == nil then return fail(path, "has an upvalue %s", name) end
                same_object(known.cells, "cell", debug.upvalueid(live, i), cell, path .. "^" .. name)
                meet(value, cell[1], path .. "^" .. name)
            end
            i = i + 1
        end
        for name in pairs(uids) do
            if not names[name] then return fail(path, "has no upvalue %s", name) end
        end
    end

    for _, root in ipairs(roots) do meet(root[1], root[2], root[3]) end
    local at = 1
    while queue[at] and not problem do
        local live, image, path = queue[at][1], queue[at][2], queue[at][3]
        if image.T then meet_tables(live, image, path) else meet_functions(live, image, path) end
        at = at + 1
    end
    return problem, queue
end

return compare
