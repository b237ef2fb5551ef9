-- A small game on TCP, one line a command: lua5.4 server.lua [--port PORT] [--port-file FILE]
--
-- All that it does for hotpatch are the three lines that say so. Without --port the system chooses one.
local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/?.lua;" .. package.path

local socket = require "socket"
local hotpatch = require "hotpatch"
local commands = require "commands"
local players = require "players"
local timers = require "timers"

local function option(name)
  for index = 1, #arg do
    if arg[index] == name then
      return arg[index + 1]
    end
  end
end

io.stdout:setvbuf("line")
local listener = assert(socket.bind("127.0.0.1", tonumber(option("--port") or 0)))
listener:settimeout(0)
local _, port = listener:getsockname()
print("game: listening on 127.0.0.1:" .. port)
if option("--port-file") then
  local file <close> = assert(io.open(option("--port-file"), "w"))
  file:write(port, "\n")
end

local server = { running = true }
local sessions = {} -- by connection

local function accept()
  local connection = listener:accept()
  if connection then
    connection:settimeout(0)
    sessions[connection] = {
      server = server,
      send = function(text)
        connection:send(text .. "\n")
      end,
    }
  end
end

local function drop(connection, session)
  sessions[connection] = nil
  connection:close()
  if session.player then
    players.logout(session.player)
  end
end

-- One read; an answer is its lines and then a line with a dot.
local function serve(connection, session)
  local line, failure, part = connection:receive("*l", session.part)
  session.part = failure == "timeout" and part or nil
  if line then
    session.send(commands.dispatch(session, line) .. "\n.")
  end
  if session.closing or failure == "closed" then
    drop(connection, session)
  end
end

hotpatch.start { name = "game" } -- hotpatch: opens its socket at the first poll
local bell = { getfd = function() return hotpatch.fd() end } -- hotpatch: readable when there is a request

while server.running do
  local watched = { listener, bell }
  for connection in pairs(sessions) do
    watched[#watched + 1] = connection
  end
  local readable = socket.select(watched, nil, timers.wait())

  hotpatch.poll() -- hotpatch: between two turns the world stands still
  timers.run()
  for _, connection in ipairs(readable) do
    if connection == listener then
      accept()
    elseif sessions[connection] then
      serve(connection, sessions[connection])
    end
  end
end

for connection, session in pairs(sessions) do
  drop(connection, session)
end
hotpatch.stop()
