-- A revert down to an older patch: what can be refused is refused before the first of them, and where one fails on the way the report
-- says how far it came.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
h.test(function()
    local s = h.server { modules = { m = h.module("one", 1) } }
    local pid = tostring(s.pid)
    local function push(name, more)
        h.write(name .. ".lua", (h.module(name, 1):gsub("return M\n$", function() return (more or "") .. "return M\n" end)))
        return h.report(0, { "push", "--pid", pid, "--accept", "R20", "m=" .. name .. ".lua" }).patch
    end
    local function revert(exit, ...) return h.report(exit, { "revert", "--pid", pid, ... }) end
    local function name() return s:ask "return require 'm'.name()" end
    local function in_force()
        local list = {}
        for _, p in ipairs(h.report(0, { "log", "--pid", pid }).patches) do
            if p.status == "applied" then list[#list + 1] = p.patch end
        end
        return table.concat(list, " ")
    end

    -- one of them cannot be undone by itself: nothing is
    local first = push "two"
    push("three", "function M.__hotfix() side = 1 end\n")
    push "four"
    local r = revert(3, tostring(first), "--accept", "R20")
    h.eq(r.status, "refused", "asked before the first")
    h.eq(r.refusals[1].code, "R19", "why")
    h.eq(name(), "four", "nothing changed")
    h.eq(in_force(), "3 2 1", "all are in force")
    r = revert(0, tostring(first), "--accept", "R19,R20")
    h.eq(r.status, "reverted", "accepted")
    h.eq(#r.modules, 3, "the report has all of them")
    h.eq(name(), "one", "all are undone")

    -- one that fails on the way
    first = push "two"
    push("three", "function M.__hotfix() end\nfunction M.__hotrevert() error 'no way' end\n")
    local last = push "four"
    r = revert(7, tostring(first), "--accept", "R20")
    h.eq(r.status, "partial", "a part")
    h.eq(r.patch, last, "how far it came")
    h.has(r.error.text, "no way", "why not further")
    h.eq(#r.modules, 1, "of what was done")
    h.eq(name(), "three", "and no further")
    h.eq(in_force(), "5 4", "as the log says")
    s:quit()
end)
