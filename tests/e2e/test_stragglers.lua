-- What still holds an old function after a push is told by `status` when the collector has gone round; and when nothing does any more.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
h.test(function()
    local text = [[
local M = {}
function M.loop()
    while true do
        if coroutine.yield(%q) == "end" then return end
    end
end
function M.name() return %q end
return M
]]
    for _, mode in ipairs { "incremental", "generational" } do
        local s = h.server { modules = { m = text:format("one", "one") } }
        local pid = tostring(s.pid)
        local function status() return h.report(0, { "status", "--pid", pid }) end
        h.eq(status().stragglers, 0, "before any patch")
        s:ask("collectgarbage '" .. mode .. "' m = require 'm' co = coroutine.create(m.loop) coroutine.resume(co)")
        h.write("two.lua", text:format("two", "two"))
        h.eq(h.report(0, { "push", "--pid", pid, "m=two.lua" }).status, "applied", "push")
        h.eq(status().stragglers, "unknown", "no cycle yet")
        h.has(h.must(0, { "status", "--pid", pid }).out, "not known until", "in words")

        local cycles = "for i = 1, 4 do collectgarbage() end return require 'hotpatch'.poll()"
        s:ask(cycles)
        local r = status()
        h.eq(r.stragglers, 1, "the frame holds one: " .. mode)
        h.has(r.held[1].at, "m.lua:2", "which")
        h.has(h.must(0, { "status", "--pid", pid }).out, "1 old function still held", "in words")

        s:ask("coroutine.resume(co, 'end') co = nil")
        for _ = 1, 4 do s:ask(cycles) end
        r = status()
        h.eq(r.stragglers, 0, "none is left: " .. mode)
        h.eq(r.held, nil, "nothing to name")
        h.has(h.must(0, { "status", "--pid", pid }).out, "none is left", "in words")
        s:quit()
    end
end)
