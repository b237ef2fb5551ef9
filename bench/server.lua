-- The server that the bench patches: lua5.4 server.lua FOLDER READY. FOLDER holds fifty.lua; the file READY is written
-- once the agent can be reached. Runs until it is killed.
package.path = arg[1] .. "/?.lua;" .. package.path
local socket = require "socket"
local hotpatch = require "hotpatch"
local tls = os.getenv "HOTPATCH_TLS_CA" and
  { ca = os.getenv "HOTPATCH_TLS_CA", cert = os.getenv "HOTPATCH_TLS_CERT", key = os.getenv "HOTPATCH_TLS_KEY" }
hotpatch.start { name = "bench", listen = tls and { "tls+tcp://127.0.0.1:0" }, tls = tls }
local fifty = require "fifty"

hotpatch.poll() -- opens the socket
local ready = assert(io.open(arg[2], "w"))
ready:write("ready\n")
ready:close()

local bell = { getfd = function() return hotpatch.fd() end }
while true do
  socket.select({ bell }, nil, 1)
  hotpatch.poll()
  fifty.f1(1)
end
