-- Peers on the agent's socket that are silent, slow, never read, or talk garbage: the server runs on, others are served meanwhile,
-- and nothing of them is left when they have gone.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/faults.lua")
local unix = require "socket.unix"
unix = type(unix) == "table" and unix.stream or unix

h.test(function()
    local s = h.server { modules = { m = h.versioned(0) } }
    local pid = tostring(s.pid)
    local version = 0
    local function served(what)
        version = version + 1
        h.eq(h.report(0, h.push_args(version, "served-" .. version, "--pid", pid)).status, "applied", what)
        h.whole(s, version, what)
    end
    local function descriptors() return tonumber(h.shell("ls /proc/" .. pid .. "/fd | wc -l")) end
    local function connect()
        local c = assert(unix())
        assert(c:connect(s.socket))
        c:settimeout(30)
        return c
    end
    local function close(peers)
        for _, c in ipairs(peers) do c:close() end
    end

    -- a frame as the command sends it
    local relay = h.relay(s)
    version = 1
    h.report(0, h.push_args(1, "recorded", "--to", relay.url))
    h.whole(s, 1, "recorded")
    local push = relay:push(1)
    local greeting, frame = push:sub(1, 8), push:sub(9)
    served("before all of it")
    local before = descriptors()

    local function gone(peers, what)
        close(peers)
        h.until_(what .. ": their descriptors are closed", function() return descriptors() <= before end)
        served(what .. ", afterwards")
    end

    -- silent: not a byte; the greeting alone; half of a frame
    for what, bytes in pairs { silent = "", greeting = greeting, half = greeting .. frame:sub(1, #frame // 2) } do
        local peers = {}
        for i = 1, 40 do
            peers[i] = connect()
            if bytes ~= "" then peers[i]:send(bytes) end
        end
        served(what)
        gone(peers, what)
    end

    -- more of them than there are places, some of which still greet
    local house = {}
    for i = 1, 200 do
        house[i] = connect()
        if i % 2 == 0 then house[i]:send(greeting) end
    end
    served("a full house")
    gone(house, "a full house")

    -- those who await an answer keep their place, whoever else comes
    s:block()
    local patient = h.spawn(h.push_args(version + 1, "patient", "--pid", pid, "--timeout", "90"))
    h.until_("it waits", function() return h.pending(s) == 1 end)
    for i = 1, 200 do house[i] = connect() end
    s:release()
    h.eq(patient.wait().exit, 0, "the patient one")
    version = version + 1
    h.whole(s, version, "the patient one")
    gone(house, "a second full house")

    -- a crowd that the agent has not even accepted: the kernel's queue is full, and the command tries again
    h.shell("kill -STOP " .. pid)
    local crowd = {}
    repeat
        local c = assert(unix())
        c:settimeout(0)
        local queued = c:connect(s.socket)
        crowd[#crowd + 1] = c
    until not queued
    local late = h.spawn(h.push_args(version + 1, "late", "--pid", pid, "--timeout", "60"))
    h.sleep(0.2) -- it fails in this time, where it does not try again
    h.shell("kill -CONT " .. pid)
    h.eq(late.wait().exit, 0, "the late one")
    version = version + 1
    h.whole(s, version, "the late one")
    gone(crowd, "a crowd")

    -- slow: byte by byte; the answer is what the command got, for the id was answered before
    local slow = connect()
    for i = 1, #push do
        h.eq(slow:send(push, i, i), i, "byte")
        if i % 100 == 0 then h.sleep(0.01) end
    end
    h.eq(slow:receive(8), "\0SP\0\0\x31\0\0", "its greeting")
    local length = string.unpack(">I8", assert(slow:receive(9)), 2)
    h.has(assert(slow:receive(length)), "recorded", "its answer")
    served("slow")
    gone({ slow }, "slow")

    -- never reads: answers pile up in the agent; asked with an id that was answered, so that the Lua thread has no part in it
    local deaf = connect()
    deaf:send(greeting)
    deaf:settimeout(0.2)
    for _ = 1, 2000 do
        if not deaf:send(frame) then break end -- the agent may have closed it, or reads no more: both will do
    end
    served("deaf")
    gone({ deaf }, "deaf")

    -- garbage: pieces of a frame changed, left out, repeated; lengths beyond all limits
    math.randomseed(7)
    local function mangle(text)
        local at, to = math.random(#text), math.random(#text)
        local kind = math.random(5)
        if kind == 1 then return text:sub(1, at) end
        if kind == 2 then return text:sub(1, at - 1) .. string.char(math.random(0, 255)) .. text:sub(at + 1) end
        if kind == 3 then return text:sub(1, at) .. text:sub(to) end
        if kind == 4 then return text:sub(1, at) .. string.rep(string.char(math.random(0, 255)), math.random(64)) .. text:sub(at) end
        return text:sub(1, 1) .. string.pack(">I8", math.random(0)) .. text:sub(10)
    end
    -- of a module that nobody has, so that what can still be read changes nothing
    local strange, changed = frame:gsub("module\xa1m", "module\xa1x")
    h.eq(changed, 1, "modules in the frame")
    strange = strange:gsub("recorded", "recordee")
    for round = 1, 300 do
        local text = mangle(strange)
        for _ = 1, round % 3 do text = mangle(text) end
        local c = connect()
        c:send((round % 10 == 0 and mangle(greeting) or greeting) .. text)
        c:close()
    end
    h.until_("nothing waits", function() return h.pending(s) == 0 end)
    h.ok(h.alive(pid), "the server runs")
    gone({}, "garbage")
end)
