-- What a network brings: other users, scanners, floods, slow and silent peers, connections that are cut in the middle.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
local n = dofile(h.here .. "/network.lua")(h)
local GREETING = "\0SP\0\0\x30\0\0"

h.test(function()
    n.authority "a"
    n.certificate("a", "server", { name = "localhost" })
    n.certificate("a", "ci")
    for i = 1, 9 do h.write("v" .. i .. ".lua", h.module("v" .. i)) end
    local s = n.server { ca = "a.pem", cert = "server.pem", key = "server.key" }
    local ci = { name = "ci" }
    local function open(url)
        local c = assert(h.socket.connect("127.0.0.1", n.port(url)))
        c:settimeout(30)
        return c
    end
    local function patches() return tonumber(s:ask "return #require 'hotpatch'.log().patches") end
    local function serves(what)
        h.eq(h.run({ "status", "--to", s.tcp }).exit, 0, what .. ": over tcp")
        h.eq(h.run(n.args(s, ci, "status")).exit, 0, what .. ": over tls")
    end

    -- a machine without a network: no route to anybody (where this user may make one)
    local alone = h.uid == 0 and "unshare -n" or "unshare -rn"
    if n.tls and os.execute(alone .. " true 2>/dev/null") then
        local there = { tls = "tls+tcp://192.0.2.1:7071" }
        local away = n.args(there, ci, "status")
        away.wrap = alone
        h.has(h.must(4, away).err, "there is no route to 192.0.2.1 (Network is unreachable)", "no route")
    else
        print "not looked at: no route, for no network namespace can be made here"
    end

    -- tcp is for the server's user and root
    h.eq(h.report(0, { "push", "--to", s.tcp, "m=v1.lua" }).status, "applied", "push over tcp")
    local who = s:ask "return require 'hotpatch'.log().patches[1].who"
    h.has(who, "uid " .. h.uid, "who: the user")
    h.has(who, "tcp 127.0.0.1:", "who: from where")
    local as_nobody = "setpriv --reuid=65534 --clear-groups"
    if h.uid == 0 and os.execute(as_nobody .. " test -x " .. h.quote(os.getenv "E2E_COMMAND") .. " 2>/dev/null") then
        h.has(h.must(5, { "status", "--to", s.tcp, wrap = as_nobody }).err, "user 65534 may not ask", "another user")
    end

    -- other protocols, and ours done badly
    local noise = {}
    for i = 1, 300 do noise[i] = string.char(i * 7919 % 251) end
    local hello = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    for _, url in ipairs { s.tcp, s.tls } do
        for _, text in ipairs { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", table.concat(noise), hello,
            GREETING .. "\xff\xff\xff\xff\xff\xff\xff\xff", GREETING .. "\0\0\0\0\0\0\0\2ab",
            GREETING .. "\0\0\0\0\0\0\0\4\0\0\0\1", "" } do
            local c = open(url)
            c:send(text)
            c:close()
        end
    end
    local http = open(s.tcp)
    http:send "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    local ended
    repeat
        local text, problem, part = http:receive(4096)
        ended = problem == "closed"
        h.ok(ended or text or part, "the connection of a stranger is closed")
    until ended
    -- 01 and a status request that stops half-way, 17 MiB announced: they wait, and nobody waits for them
    local slow = {}
    for i, text in ipairs { GREETING:sub(1, 3), GREETING .. "\0\0", GREETING .. "\0\0\0\0\1\x10\0\4\x80\0\0\1x" } do
        slow[i] = open(s.tcp)
        slow[i]:send(text)
    end
    serves "with strangers and slow peers"

    -- floods: silent ones on both ports; those on this machine still get in, and so do new ones
    local flood = {}
    for i = 1, 150 do
        flood[i] = open(i % 2 == 0 and s.tls or s.tcp)
        if i % 3 == 0 then flood[i]:send(GREETING) end
    end
    h.eq(h.run({ "status", "--pid", s.pid }).exit, 0, "in a flood: over ipc")
    h.eq(h.run({ "status", "--to", s.tcp }).exit, 0, "in a flood: over tcp")
    h.eq(h.report(0, n.args(s, ci, "push", "m=v2.lua")).status, "applied", "push in a flood")
    for _, c in ipairs(flood) do c:close() end
    for _, c in ipairs(slow) do c:close() end

    -- cut in the middle of a request, and of an answer: asked again under its id, it is done once
    local function again(answer, module, version, args)
        h.eq(answer.exit, 70, "exit")
        local id = answer:json().id
        h.has(answer.err, "--id " .. id, "what to ask again with")
        table.move({ "--id", id, module }, 1, 3, #args + 1, args)
        local report = h.report(0, args)
        h.eq(report.status, "applied", "asked again")
        h.eq(s:ask("return require 'm'.name()"), version, "code")
        local count = patches()
        h.eq(h.report(0, args).patch, report.patch, "asked a third time")
        h.eq(patches(), count, "nothing more was applied")
        return report.patch
    end
    local function url(relay) return "tcp://127.0.0.1:" .. relay.port end
    local relay = n.relay(n.port(s.tcp), function(from, bytes) return from == "client" and #bytes > 60 and 40 or nil end)
    local r = relay.wait(h.spawn { "push", "--to", url(relay), "--format=json", "m=v3.lua" })
    relay.cut()
    h.eq(patches(), 2, "half a request does nothing")
    again(r, "m=v3.lua", "v3", { "push", "--to", s.tcp })

    relay = n.relay(n.port(s.tcp), function(from, bytes) return from == "server" and #bytes > 60 and 40 or nil end)
    r = relay.wait(h.spawn { "push", "--to", url(relay), "--format=json", "m=v4.lua" })
    relay.cut()
    h.eq(patches(), 4, "it was done")
    h.eq(again(r, "m=v4.lua", "v4", { "push", "--to", s.tcp }), 4, "the first one's answer")

    -- the same over tls, while it waits for a safe point
    relay = n.relay(n.port(s.tls))
    s:block()
    local b = h.spawn(n.args({ tls = "tls+tcp://localhost:" .. relay.port }, ci, "push", "--timeout", "60", "--format=json",
        "m=v5.lua"))
    h.until_("it waits at the agent", function()
        relay.step()
        local left = h.run { "status", "--pid", s.pid, "--format=json" }
        return left.exit == 0 and left:json().agent.pending == 1
    end)
    relay.cut()
    r = b.wait()
    s:release()
    again(r, "m=v5.lua", "v5", n.args(s, ci, "push"))
    h.eq(patches(), 5, "once")

    -- a child of the server does not keep the ports
    local sleeper = s:ask "return io.popen('sleep 1000 >/dev/null 2>&1 & echo $!'):read()"
    s:kill()
    h.has(h.must(4, { "status", "--to", s.tcp }).err, "nobody listens", "after the server's end")
    os.execute("kill " .. sleeper .. " 2>/dev/null")
end)
