-- A client for the game: lua5.4 client.lua PORT [COMMAND...]
--
-- Sends the commands, or without any the lines of its standard input, one at a time, and prints each answer followed by an
-- empty line. Status 1 when the server cannot be reached or goes away in the middle.
local socket = require "socket"

local port = tonumber(arg[1])
if not port then
  io.stderr:write("usage: lua5.4 client.lua PORT [COMMAND...]\n")
  os.exit(64)
end
local connection, why = socket.connect("127.0.0.1", port)
if not connection then
  io.stderr:write("client: ", why, "\n")
  os.exit(1)
end
connection:settimeout(10)
io.stdout:setvbuf("line")

local function ask(command)
  connection:send(command .. "\n")
  while true do
    local line, failure = connection:receive("*l")
    if not line then
      io.stderr:write("client: ", failure, "\n")
      os.exit(1)
    end
    if line == "." then
      print()
      return
    end
    print(line)
  end
end

if arg[2] then
  for index = 2, #arg do
    ask(arg[index])
  end
else
  for line in io.lines() do
    ask(line)
  end
end
