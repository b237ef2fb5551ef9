-- A connection that can be cut: lua relay.lua LISTEN TARGET DIR. Passes bytes between clients at LISTEN and the agent at TARGET
-- (paths of unix sockets), and closes both sides of a push where it is told to. Writes DIR/relay.ready when it listens.
--
-- DIR/cut, read when a push comes, says where: "up N" lets N bytes of the client's go on (greeting and request), "down N" gives
-- the client N bytes of the answer; nothing: the push passes whole. Each push leaves DIR/push.1, push.2, … with the bytes that
-- the client sent; DIR/now, once there, cuts the pushes that are under way. Other requests always pass.
--
-- The greeting (8 bytes) passes at once; what follows is held until the frame is complete (a byte 1, a length of 8 bytes, then
-- as many), so that where a cut falls does not depend on how the bytes came.
local listen, target, dir = arg[1], arg[2], arg[3]
local socket = require "socket"
local unix = require "socket.unix"
unix = type(unix) == "table" and unix.stream or unix

local GREETING = 8

local listener = assert(unix())
assert(listener:bind(listen))
assert(listener:listen(64))
listener:settimeout(0)
io.open(dir .. "/relay.ready", "w"):close()

local pairs_of, sockets, pushes = {}, { listener }, 0

local function close(pair)
    for _, side in ipairs { pair.client, pair.agent } do
        pairs_of[side] = nil
        for i, s in ipairs(sockets) do
            if s == side then table.remove(sockets, i) break end
        end
        side:close()
    end
end

local function read(name)
    local file = io.open(dir .. "/" .. name)
    if not file then return "" end
    local text = file:read "a"
    file:close()
    return text
end

local function accept()
    local client = listener:accept()
    if not client then return end
    local agent = assert(unix())
    if not agent:connect(target) then
        client:close()
        return
    end
    client:settimeout(0)
    agent:settimeout(0)
    local pair = { client = client, agent = agent, up = "", passed = 0, down = 0 }
    pairs_of[client], pairs_of[agent] = pair, pair
    sockets[#sockets + 1] = client
    sockets[#sockets + 1] = agent
end

-- All of it, waiting as long as it takes. False: the other side is gone.
local function send(to, bytes)
    to:settimeout(nil)
    local sent = #bytes == 0 or to:send(bytes)
    to:settimeout(0)
    return sent
end

local function receive(from)
    local bytes, problem, part = from:receive(65536)
    bytes = bytes or part or ""
    return bytes, problem == "closed" and bytes == ""
end

-- The first complete frame behind the greeting has been held back: it may be the push.
local function begin_push(pair)
    pushes = pushes + 1
    local file = assert(io.open(dir .. "/push." .. pushes .. ".new", "wb"))
    file:write(pair.up)
    file:close()
    os.rename(dir .. "/push." .. pushes .. ".new", dir .. "/push." .. pushes)
    pair.is_push = true
    pair.where, pair.bytes = read("cut"):match("^(%a+) (%d+)")
    pair.bytes = tonumber(pair.bytes)
end

local function from_client(pair)
    local bytes, closed = receive(pair.client)
    if closed then return close(pair) end
    pair.up = pair.up .. bytes
    local whole = pair.whole
    if not whole and #pair.up >= GREETING + 9 then
        local length = string.unpack(">I8", pair.up, GREETING + 2)
        whole = #pair.up >= GREETING + 9 + length
        pair.whole = whole
        if whole and pair.up:find("kind\xa4push", 1, true) then begin_push(pair) end
    end
    local to = whole and #pair.up or math.min(GREETING, #pair.up)
    local cut = pair.where == "up" and pair.bytes
    if cut then to = math.min(to, cut) end
    local sent = send(pair.agent, pair.up:sub(pair.passed + 1, to))
    pair.passed = math.max(pair.passed, to)
    if not sent or cut then close(pair) end
end

local function from_agent(pair)
    local bytes, closed = receive(pair.agent)
    if closed then return close(pair) end
    if pair.where == "down" and pair.down + #bytes > GREETING + pair.bytes then
        send(pair.client, bytes:sub(1, GREETING + pair.bytes - pair.down))
        return close(pair)
    end
    pair.down = pair.down + #bytes
    if not send(pair.client, bytes) then close(pair) end
end

while true do
    local ready = socket.select(sockets, nil, 0.02)
    for _, s in ipairs(ready) do
        local pair = pairs_of[s]
        if s == listener then
            accept()
        elseif pair then
            (s == pair.client and from_client or from_agent)(pair)
        end
    end
    if read("now") ~= "" then
        for _, pair in pairs(pairs_of) do
            if pair.is_push then
                close(pair)
                break
            end
        end
    end
end
