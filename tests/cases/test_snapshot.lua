-- The snapshot must notice each kind of change, and must not notice what is none.
local here = arg[0]:match("^(.*)/[^/]*$") or "."
local snapshot = dofile(here .. "/snapshot.lua")

local function program()
    local count, shared = 0, { 1, 2 }
    local p = { list = { 1, 2, 3 }, weak = setmetatable({}, { __mode = "k" }), text = "x", flag = false }
    function p.bump() count = count + 1 shared[1] = count return count end
    function p.get() return count, shared end
    p.co = coroutine.create(function(a) local b = a coroutine.yield(b) end)
    coroutine.resume(p.co, 7)
    return p
end

local function rebuilt(f) -- equal code, lines and cells, another function
    local g = load(string.dump(f), "=rebuilt", "b")
    for i = 1, 255 do
        if not debug.getupvalue(f, i) then break end
        debug.upvaluejoin(g, i, f, i)
    end
    return g
end

local function notices(what, change, how)
    local p = program()
    local before = snapshot.take({ p }, {})
    change(p)
    assert(snapshot[how or "same"](before, snapshot.take({ p }, {})), "not noticed: " .. what)
end
local function accepts(what, change, how)
    local p = program()
    local before = snapshot.take({ p }, {})
    change(p)
    local difference = snapshot[how or "same"](before, snapshot.take({ p }, {}))
    assert(difference == nil, what .. ": " .. tostring(difference))
end

accepts("nothing", function() end)
accepts("a key set and taken back", function(p) p.extra = 1 p.extra = nil end)
notices("a new key", function(p) p.extra = 1 end)
notices("a key gone", function(p) p.text = nil end)
notices("another value", function(p) p.flag = nil p.flag = true end)
notices("integer to float", function(p) p.list[1] = 1.0 end)
notices("an equal table", function(p) p.list = { 1, 2, 3 } end)
notices("a metatable", function(p) setmetatable(p.list, {}) end)
notices("a metatable field", function(p) getmetatable(p.weak).__mode = "v" end)
notices("an upvalue", function(p) p.bump() end)
notices("a coroutine that went on", function(p) coroutine.resume(p.co) end)
notices("a local of a coroutine", function(p) debug.setlocal(p.co, 1, 1, 8) end)
notices("another function of equal code", function(p) p.get = rebuilt(p.get) end)
notices("another cell", function(p) debug.setupvalue(p.get, 1, 0) debug.upvaluejoin(p.get, 1, program().get, 1) end)

accepts("another function of equal code and cells", function(p) p.get = rebuilt(p.get) end, "alike")
accepts("two of them", function(p) p.get = rebuilt(p.get) p.bump = rebuilt(p.bump) end, "alike")
notices("a function of other cells", function(p) p.get = program().get end, "alike")
notices("a function of other code", function(p) p.get = function() return 1 end end, "alike")
notices("a value beside it", function(p) p.get = rebuilt(p.get) p.text = "y" end, "alike")
notices("one function that became two", function(p) p.get2 = rebuilt(p.get) end, "alike")

-- Where a closure was made must not count, only what it is.
local function here_() local n = 0 return function() n = n + 1 return n end end
assert(snapshot.code(here_()) == snapshot.code(rebuilt(here_())), "captures must not count")
print "ok"
