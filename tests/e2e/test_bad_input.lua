-- Bad input and what it gets (contract, section 6): status, sentence, and a server that goes on as it was.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
h.test(function()
    local s = h.server { modules = { battle_rooms = h.module("one"), m = h.module("one") } }
    local pid = tostring(s.pid)
    s:ask("require 'm'.hit()")
    local function push(exit, target, text)
        h.write("bad.lua", text)
        local r = h.must(exit, { "push", "--pid", pid, target .. "=bad.lua" })
        local report = h.report(exit, { "push", "--pid", pid, target .. "=bad.lua" })
        h.eq(s:ask("return require 'm'.name()"), "one", "the server as it was")
        return report, r.out .. r.err
    end

    -- syntax error: file, line and source line; the server never sees it
    s:block()
    h.write("bad.lua", "local M = {}\nfunction M.name() return 'bad' end\nlocal x = = 1\nreturn M\n")
    local r = h.must(1, { "push", "--pid", pid, "m=bad.lua" })
    h.has(r.out .. r.err, "bad.lua:3", "file and line")
    h.has(r.out .. r.err, "local x = = 1", "source line")
    h.eq(h.report(1, { "push", "--pid", pid, "m=bad.lua" }).status, "load_failed", "syntax error")
    h.eq(h.pending(s), 0, "nothing was sent")
    s:release()

    local report, text = push(1, "m", "local M = {}\nlocal function f()\n  return nil + 1\nend\nf()\nreturn M\n")
    h.eq(report.status, "load_failed", "error in the body")
    h.eq(report.error.line, 3, "line")
    h.has(text, "return nil + 1", "source line")
    h.has(text, "arithmetic on a nil value", "message")

    h.eq(push(1, "m", "local n = 0\nwhile true do n = n + 1 end\n").status, "limit", "endless loop")
    report = push(1, "m", "local t = {}\nfor i = 1, math.huge do t[i] = ('x'):rep(1000) .. i end\n")
    h.ok(report.status == "limit" or report.status == "load_failed", "memory: " .. report.status)

    report, text = push(3, "battle_room", "return {}\n")
    h.eq(report.status, "refused", "unknown module")
    h.has(text, "battle_rooms", "offers the closest loaded name")

    report = push(3, "string", "return {}\n")
    h.eq(report.refusals[1].code, "R17", "standard library")
    report = push(3, "hotpatch", "return {}\n")
    h.eq(report.refusals[1].code, "R17", "hotpatch itself")
    s:ask("require 'm'.now = os.time")
    report = push(3, "m.now", "return function() end\n")
    h.eq(report.refusals[1].code, "R14", "C function")
    s:ask("require 'm'.now = nil")

    h.write("bad.lua", string.dump(load "return {}"))
    r = h.must(3, { "push", "--pid", pid, "m=bad.lua" })
    h.has(r.out .. r.err, "text", "precompiled: text only")

    -- frames that are not the protocol
    local unix = require "socket.unix"
    for _, garbage in ipairs { "GET / HTTP/1.1\r\n\r\n", ("\255"):rep(5000), "\0SP\0\0\x30\0\0" .. ("\xdd\xff\xff\xff\xff"):rep(20),
                               "\0SP\0\0\x30\0\0\1\0\0\0\0\0\0\0\5\x80\0\0\1\xc1", "\0SP\0\0\x30\0\0\1\255\255\255\255\255\255\255\255", "" } do
        local c = assert((unix.stream or unix)())
        if c:connect(s.socket) then
            c:settimeout(1)
            c:send(garbage)
        end
        c:close()
    end
    h.eq(h.report(0, { "status", "--pid", pid }).status, "ok", "the agent goes on")

    -- a source over the limit of a message
    h.write("bad.lua", "return {}\n--" .. ("x"):rep(17 * 1024 * 1024))
    r = h.run { "push", "--pid", pid, "m=bad.lua", "--format=json" }
    h.eq(r.exit, 1, "too large")
    h.eq(r:json().status, "limit", "too large")

    -- __hotfix fails
    report, text = push(1, "m", h.module("x"):gsub("return M\n$", "function M.__hotfix(m)\n  local t = nil\n  t.x = 1\nend\nreturn M\n"))
    h.eq(report.status, "rolled_back", "__hotfix")
    h.has(report.error.traceback, ".lua:10: in function", "traceback")
    h.has(text, "index a nil value", "message")

    h.eq(s:ask("return require 'm'.hit()"), "2", "state through all of it")
    h.write("good.lua", h.module("good"))
    h.eq(h.report(0, { "push", "--pid", pid, "m=good.lua" }).status, "applied", "and it can be patched")
end)
