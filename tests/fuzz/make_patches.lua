-- make_patches.lua FOLDER COUNT: seeds for fuzz_patch: each of COUNT cases with its own new text, plain, with other flags after use,
-- and edited. FOLDER/seeds lists one of each case, for a short run.
local folder, count = assert(arg[1]), tonumber(arg[2])
local n, names = 0, {}
local function seed(...)
    n = n + 1
    local name = ("%s/patch%04d"):format(folder, n)
    local out = assert(io.open(name, "wb"))
    out:write(string.char(...))
    out:close()
    if (n // 3 + n) % 3 == 0 then names[#names + 1] = name end
end
for case = 0, count - 1 do
    local high, low = case >> 8, case & 255
    seed(high, low, 0, 0)
    seed(high, low, 64 | (case * 37 & 0xbf), 0)
    seed(high, low, case * 11 & 255, case & 1, case % 8, 0, case % 61, case % 7, case % 251)
end
local list = assert(io.open(folder .. "/seeds", "wb")) -- for -seed_inputs=@
list:write(table.concat(names, ","))
list:close()
