-- What a player can type. Each command gets the session and the rest of the line, and returns the answer.
local battle = require "battle"
local players = require "players"
local rooms = require "rooms"
local timers = require "timers"

local commands = {}

function commands.help()
  return "login NAME, look, go ROOM, attack MONSTER, say TEXT, me, stats, quit, shutdown"
end

function commands.login(session, name)
  if session.player then
    return "You are " .. session.player.name .. " already."
  end
  if not name:match("^%a+$") then
    return "A name is made of letters."
  end
  local player, why = players.login(name, session.send)
  if not player then
    return why
  end
  session.player = player
  rooms.get("hall"):enter(player)
  player.room:tell(name .. " comes in.", player)
  return "Welcome, " .. name .. ".\n" .. player.room:describe(player)
end

-- The commands below need somebody who has logged in.
local inside = {}

function inside.look(player)
  return player.room:describe(player)
end

function inside.go(player, name)
  local room = rooms.get(name)
  if not room then
    return "There is no such place."
  end
  player.room:leave(player)
  room:enter(player)
  room:tell(player.name .. " comes in.", player)
  return room:describe(player)
end

function inside.attack(player, name)
  local monster = player.room.monsters[name]
  if not monster then
    return "There is no " .. name .. " here."
  end
  return battle.strike(player, monster)
end

function inside.say(player, text)
  player.room:tell(player.name .. ": " .. text, player)
  return "You say it."
end

function inside.me(player)
  return player:describe()
end

function commands.stats()
  return ("%d online, %d strikes, %d timers, battle %s"):format(players.online(), battle.strikes(),
    timers.count(), battle.VERSION)
end

function commands.quit(session)
  session.closing = true
  return "Farewell."
end

-- For the demo and the tests; a real server would ask who wants this.
function commands.shutdown(session)
  session.server.running = false
  return "The server stops."
end

local function dispatch(session, line)
  local word, rest = line:match("^%s*(%a*)%s*(.-)%s*$")
  if commands[word] then
    return commands[word](session, rest)
  end
  if not inside[word] then
    return "Unknown command; try help."
  end
  if not session.player then
    return "Log in first: login NAME"
  end
  return inside[word](session.player, rest)
end

return { dispatch = dispatch, commands = commands, inside = inside }
