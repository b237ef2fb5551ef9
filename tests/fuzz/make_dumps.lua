-- make_dumps.lua FOLDER: seeds for fuzz_prototype, one dump a file.
local folder = assert(arg[1], "usage: make_dumps.lua FOLDER")
local sources = {
    "return 1",
    "local n = 0 local M = {} function M.f(a, ...) n = n + a return function() return n, a end, ... end return M",
    "local t = {x = function() end, [3] = 1.5, ['a b'] = 'long string that is not a short one, of more than forty bytes'}",
    "for i = 1, 3 do local function g() return g, i end t.a.b.c = g end goto done do local x <close> = nil end ::done::",
    "local f = f or function() return _ENV end local a, b = function() end, nil return f and function() return a end or b",
    "setmetatable(o, {__index = function(t, k) return k end}) o:m(function() return o end) return",
}
for i, source in ipairs(sources) do
    for _, strip in ipairs {false, true} do
        local out = assert(io.open(("%s/dump%d%s"):format(folder, i, strip and "s" or ""), "wb"))
        out:write(string.dump(assert(load(source, "@seed.lua")), strip))
        out:close()
    end
end
