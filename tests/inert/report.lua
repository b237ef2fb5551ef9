-- report.lua ROWS...: what measure.lua and mod_inert.lua wrote, as one JSON on standard output and a table on standard error.
-- Status 1 when less than 99 % of the files that really load complete inert, less than 95 % run the same lines, or any
-- process was changed.

local json, encode = require "json", dofile(arg[0]:gsub("[^/]*$", "encode.lua"))

local files, order = {}, {} -- one file may be loaded several times, as plugins are for each host: all loads count
local not_loaded, objects, changed = 0, 0, {}

local function add(row)
    local name = row.file:gsub("^.*/root/", "/")
    local file = files[name]
    if not file then
        file = { package = row.package, file = name, loads = 0, complete = true, same = true }
        files[name] = file
        order[#order + 1] = file
    end
    local complete = row.status == "ok"
    local same = complete and #row.missed == 0 and #row.extra == 0
    file.loads = file.loads + 1
    if file.same and not same then -- the first load that differs is told
        file.error, file.missed, file.extra, file.warnings = row.error, row.missed, row.extra, row.warnings
    end
    file.complete, file.same = file.complete and complete, file.same and same
end

for _, file in ipairs(arg) do
    for line in io.lines(file) do
        local row = json.decode(line)
        if row.file then
            add(row)
        else -- of the process
            not_loaded = not_loaded + #row.not_loaded
            objects = objects + row.objects
            if row.difference then changed[#changed + 1] = row.package .. ": " .. row.difference end
        end
    end
end

table.sort(order, function(a, b)
    if a.package ~= b.package then return a.package < b.package end
    return a.file < b.file
end)

local groups, total = {}, { name = "all", loads = 0, files = 0, complete = 0, same = 0 }
local failures = {}
for _, file in ipairs(order) do
    local last = groups[#groups]
    if not last or last.name ~= file.package then
        last = { name = file.package, loads = 0, files = 0, complete = 0, same = 0 }
        groups[#groups + 1] = last
    end
    for _, group in ipairs { last, total } do
        group.loads = group.loads + file.loads
        group.files = group.files + 1
        group.complete = group.complete + (file.complete and 1 or 0)
        group.same = group.same + (file.same and 1 or 0)
    end
    if not file.same then failures[#failures + 1] = file end
end
groups[#groups + 1] = total

local function percent(n) return total.files > 0 and 100 * n / total.files or 0 end
local good = #changed == 0 and percent(total.complete) >= 99 and percent(total.same) >= 95

io.write(encode {
    groups = groups, failures = failures, not_loaded = not_loaded, objects = objects, changed = changed,
    complete_percent = percent(total.complete), same_lines_percent = percent(total.same), passed = good,
}, "\n")

local function say(...) io.stderr:write(string.format(...), "\n") end
say("%-20s %7s %7s %9s %11s", "package", "loads", "files", "complete", "same lines")
for _, group in ipairs(groups) do
    say("%-20s %7d %7d %9d %11d", group.name, group.loads, group.files, group.complete, group.same)
end
say("%-20s %7s %7s %8.1f%% %10.1f%%", "", "", "", percent(total.complete), percent(total.same))
for _, failure in ipairs(failures) do
    local lines = #failure.missed + #failure.extra
    say("  %s: %s", failure.file, failure.complete and lines .. " lines of the body differ" or failure.error)
end
say("%d objects looked at before and after, %s; %d modules do not really load", objects,
    #changed == 0 and "all the same" or "CHANGED: " .. table.concat(changed, "; "), not_loaded)
os.exit(good)
