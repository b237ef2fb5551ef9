-- The example: the game server is repaired while a player stays connected and goes on playing.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
local game = h.source .. "/examples/game"
h.test(function()
    local port_file = h.dir .. "/game.port"
    local s = h.server { script = game .. "/server.lua", args = "--port-file " .. h.quote(port_file) }
    local port = h.until_("the game is up", function() return tonumber((h.read(port_file) or ""):match("%d+\n")) end)
    local pid = tostring(s.pid)

    local function player(name)
        local connection = assert(h.socket.connect("127.0.0.1", port))
        connection:settimeout(60)
        local function play(command)
            connection:send(command .. "\n")
            local lines = {}
            while true do
                local line, failure = connection:receive("*l")
                if not line then h.fail("the player lost the game: %s", failure) end
                if line == "." then return table.concat(lines, "\n") end
                lines[#lines + 1] = line
            end
        end
        h.has(play("login " .. name), "Welcome", "login")
        return play, connection
    end

    local ann = player "Ann"
    local bob = player "Bob"
    ann "go cave"
    bob "go meadow"
    h.has(bob "attack goblin", "for 3; it has 9 hp", "a fair fight")
    h.has(ann "attack troll", "for -3; it has 43 hp", "the bug: blows heal the troll")

    local function hp(text) return tonumber(text:match("it has (%d+) hp")) end

    local fix = "battle=" .. game .. "/fix/battle.lua"
    h.eq(h.report(2, { "diff", "--exit-code", "--pid", pid, fix }).status, "planned", "diff")
    h.has(ann "attack troll", "it has 46 hp", "a diff changed nothing")
    local report = h.report(0, { "push", "--pid", pid, "--message", "blows wound", fix })
    h.eq(report.status, "applied", "push")
    h.eq(report.agent.name, "game", "name")
    h.has(ann "attack troll", "for 2; it has 44 hp", "the troll kept its wounds, and bleeds at last")
    h.has(bob "attack goblin", "it has 6 hp", "the other fight goes on")
    h.has(bob "me", "Bob: ", "players keep what they have")

    -- play on while patches come and go
    local before = hp(ann "attack troll")
    for _ = 1, 5 do
        h.report(0, { "revert", "--pid", pid })
        h.eq(hp(ann "attack troll"), before + 3, "old code")
        h.report(0, { "push", "--pid", pid, fix })
        before = hp(ann "attack troll")
    end
    h.has(ann "stats", "", "stats")
    bob "attack goblin"
    h.has(bob "attack goblin", "slay", "the goblin falls")
    h.has(bob "me", "13 gold", "and pays")
    ann "shutdown"
    s:gone()
    h.lacks(s:output(), "error", "the server's own output")
end)
