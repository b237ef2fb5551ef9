-- measure.lua PACKAGE LIST OUT FIRST [SKIP...]: requires the module of each Lua file that LIST names, those in FIRST (names
-- with spaces between) before the others, then loads all that came to their end inert, and writes a row for each into OUT,
-- and a last one for the package. A module that ends the process when it is loaded is named in OUT.now: called again with
-- that one in SKIP, the others are measured.

local loads = require "loads"
local inert = require "inert"
local package_name, list, out = arg[1], arg[2], arg[3]
local open, require, pcall, ipairs, tostring, exit = io.open, require, pcall, ipairs, tostring, os.exit

local skip = {}
for i = 5, #arg do skip[arg[i]] = true end

-- The module that a file is, by the way it is installed. Most of Debian's modules for 5.1 to 5.3 load in 5.4 as well.
local function module_of(file)
    local path = file:match "/lua/5%.[1-4]/(.*)%.lua$" or file:match "/share/lua/common/(.*)%.lua$"
    return path and (path:gsub("/init$", ""):gsub("/", "."))
end

local modules, files = {}, {}
local function add(module)
    if not modules[module] then
        modules[#modules + 1], modules[module] = module, true
    end
end
for module in arg[4]:gmatch "%S+" do add(module) end
for file in io.lines(list) do
    local module = module_of(file)
    if module ~= nil then
        add(module)
        files[file] = true
    end
end

local failed = {}
inert.start()
for _, module in ipairs(modules) do
    if not skip[module] then
        local now = open(out .. ".now", "w")
        now:write(module, "\n")
        now:close()
        local ok, why = pcall(require, module)
        if not ok then
            failed[#failed + 1] = module .. ": " .. (tostring(why):match "^[^\n]*" or "?")
        end
    end
end
inert.stop()

local rows, difference, objects = loads.measure_all(function(file) return files[file] end)
for _, row in ipairs(rows) do row.package = package_name end
rows[#rows + 1] = {
    package = package_name, modules = #modules, not_loaded = failed, objects = objects, difference = difference,
}
loads.write(out, rows)
exit(0, false) -- whatever the modules want to do at the end
