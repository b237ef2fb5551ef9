-- A server with half a million tables that polls in its loop: a push goes in slices, and the server goes on serving between them. What holds
-- the old function somewhere in that heap gets the new one; what is made meanwhile, too.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
h.test(function()
    local factory = [[
local M = {}
local made = 0
function M.session(n)
    local own = n
    made = made + 1
    return function(x) own = own + x return own, %q, made end
end
function M.name() return %q end
return M
]]
    local s = h.server { modules = { m = factory:format("one", "one") } }
    local pid = tostring(s.pid)
    s:ask([[
        heap, sessions, m = {}, {}, require "m"
        for i = 1, 500000 do heap[i] = { i } end
        heap[250000].held, heap[400000].session = m.name, m.session(0)
        for i = 1, 20 do sessions[i] = m.session(i) end]])
    h.write("two.lua", factory:format("two", "two"))

    local before = tonumber(s:ask("return turns"))
    local b = h.spawn { "push", "--pid", pid, "--id", "big", "--timeout", "60", "--format=json", "m=two.lua" }
    local served, version = 0, nil
    repeat -- each question is a turn of the server's: calls, new objects, sessions that come and go
        version = s:ask([[
            if #sessions >= 120 then return m.name() end -- more than that, and the commit would not fit a millisecond (R20)
            local i = #sessions + 1
            sessions[i] = m.session(i)
            sessions[i](1)
            heap[math.random(#heap)] = { sessions[i] }
            heap[#heap + 1] = { m.name }
            return m.name()]])
        served = served + 1
    until version == "two" or b.ended()
    local report = b.wait():json()
    h.eq(report.status, "applied", "status")
    h.eq(report.searched, "heap", "searched")
    h.ok(report.cost.slices > 10, "in slices: " .. report.cost.slices)
    h.ok(report.cost.objects > 500000, "all of it: " .. report.cost.objects)
    h.ok(served > 5, "served meanwhile: " .. served)
    h.ok(tonumber(s:ask("return turns")) - before > 5, "turns")
    h.ok(report.cost.memory < 32 * report.cost.objects + 1e6, "memory of the search: " .. tostring(report.cost.memory))
    h.ok(report.instances >= 20, "instances: " .. report.instances)

    h.eq(s:ask("return heap[250000].held and heap[250000].held() or 'two'"), "two", "deep in the heap")
    h.eq(s:ask([[
        for i, session in ipairs(sessions) do
            local own, version = session(0)
            if version ~= "two" then return "session " .. i .. " is " .. version end
            if own ~= (i > 20 and i + 1 or i) then return "session " .. i .. " has " .. own end
        end
        for i = 1, #heap do
            local held = heap[i][1]
            if type(held) == "function" and held ~= m.name then
                local _, version = held(0)
                if version ~= "two" then return "heap " .. i .. " is old" end
            end
        end
        return "all new"]]), "all new", "made before, and meanwhile")

    report = h.report(0, { "revert", "--pid", pid, "--timeout", "60" })
    h.eq(report.status, "reverted", "revert")
    h.ok(report.cost.slices > 10, "in slices too: " .. report.cost.slices)
    h.eq(s:ask([[
        for i, session in ipairs(sessions) do
            if select(2, session(0)) ~= "one" then return "session " .. i end
        end
        return m.name()]]), "one", "back")
end)
