-- 64 clients at once: pushes of several modules, dry runs, questions. All get their answer, the patches are applied one after the
-- other, and the last one of each module is what runs.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/faults.lua")
local MODULES, PUSHES, DIFFS, QUESTIONS = 4, 32, 16, 16

h.test(function()
    local modules = {}
    for m = 1, MODULES do modules["m" .. m] = h.module("old") end
    local s = h.server { modules = modules }
    local pid = tostring(s.pid)
    for m = 1, MODULES do s:ask("require 'm" .. m .. "'.hit()") end

    local clients = {}
    local function client(kind, module, version, ...)
        local c = { kind = kind, module = module, version = version }
        c.run = h.spawn { kind, "--pid", pid, "--timeout", "90", "--format=json", ... }
        clients[#clients + 1] = c
    end
    s:block() -- so that all the requests are there at the same time
    for i = 1, math.max(PUSHES, DIFFS, QUESTIONS) do
        local module = "m" .. (i - 1) % MODULES + 1
        local version = "v" .. i
        h.write(version .. ".lua", h.module(version))
        if i <= PUSHES then client("push", module, version, "--message", version, module .. "=" .. version .. ".lua") end
        if i <= DIFFS then client("diff", module, version, module .. "=" .. version .. ".lua") end
        if i <= QUESTIONS then client(({ "status", "log" })[i % 2 + 1], nil, nil) end
    end
    h.eq(#clients, 64, "clients")
    h.until_("all that need the Lua thread wait", function() return h.pending(s) == PUSHES + DIFFS end)
    for _, c in ipairs(clients) do
        if c.kind == "status" or c.kind == "log" then
            h.eq(c.run.wait():json().status, "ok", c.kind .. " while the server is busy")
        end
    end
    s:release()

    local by_patch, last, count = {}, {}, 0
    for i, c in ipairs(clients) do
        if c.kind == "push" or c.kind == "diff" then
            local r = c.run.wait()
            local what = ("client %d (%s %s)"):format(i, c.kind, c.version)
            h.eq(r.exit, 0, what .. ": " .. r.err)
            local report = r:json()
            h.eq(report.modules[1].module, c.module, what)
            if c.kind == "push" then
                h.eq(report.status, "applied", what)
                h.ok(not by_patch[report.patch], what .. ": its own patch")
                by_patch[report.patch] = c
                count = count + 1
            else
                h.ok(report.status == "planned" or report.status == "no_change", what .. ": " .. report.status)
            end
        end
    end
    local patches = h.report(0, { "log", "--pid", pid }).patches
    h.eq(#patches, PUSHES, "log")
    h.eq(count, PUSHES, "patches")
    for i, p in ipairs(patches) do
        h.eq(p.patch, PUSHES + 1 - i, "newest first, none left out")
        h.eq(p.message, by_patch[p.patch].version, "each tells whose it is")
        last[by_patch[p.patch].module] = last[by_patch[p.patch].module] or p.message
    end
    for m = 1, MODULES do
        h.eq(s:ask(("local m = require 'm%d' return m.name(), m.hit()"):format(m)), last["m" .. m] .. "\t2", "code and state")
    end
end)
