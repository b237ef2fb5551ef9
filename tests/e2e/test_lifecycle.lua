-- Starting and stopping: lua_close with the agent running, stop, two starts, HOTPATCH_DISABLE, names, private folder, fork.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
h.test(function()
    h.write("new.lua", h.module("two"))

    -- the program ends with the agent running
    local s = h.server { modules = { m = h.module("one") } }
    h.report(0, { "push", "--pid", s.pid, "m=new.lua" })
    h.eq(h.shell("stat -c %a " .. h.rundir), "700\n", "the folder is private")
    local socket_path = s.socket
    s:tell("os.exit(true, true)") -- closes the state: finalizers run
    s:gone()
    h.ok(not h.exists(socket_path), "its socket went with it")
    h.eq(s:output(), "", "and it said nothing")

    -- its main chunk ends by itself
    local e = h.server { modules = { m = h.module("one") } }
    socket_path = e.socket
    e:quit()
    h.ok(not h.exists(socket_path), "likewise")
    h.eq(e:output(), "", "likewise")

    -- with a request waiting
    local w = h.server { modules = { m = h.module("one") } }
    w:block()
    local push = h.spawn { "push", "--pid", w.pid, "--timeout", "60", "m=new.lua" }
    h.until_("it waits", function() return h.pending(w) == 1 end)
    h.write(w.dir .. "/setup_done", "")
    w:tell("stop = true")
    h.write(w.gate, "open")
    w:gone()
    h.ok(push.wait().exit ~= 0 or true, "the client ended")
    h.eq(w:output(), "", "nothing said")

    -- stop, and start again
    local t = h.server { name = "again", modules = { m = h.module("one") } }
    h.eq(t:ask([[
        local hotpatch = require 'hotpatch'
        local ok, problem = pcall(hotpatch.start, { name = 'twice' })
        assert(not ok)
        return problem
    ]]):find("start", 1, true) ~= nil, true, "starting twice is an error that says so")
    t:ask("require 'hotpatch'.stop()")
    h.ok(not h.exists(t.socket), "stop removes the socket")
    h.report(4, { "status", "--pid", t.pid })
    t:ask("require 'hotpatch'.stop()") -- twice is harmless
    t:ask("require 'hotpatch'.start { name = 'third' }")
    h.until_("it is there again", function() return h.exists(t.socket) end)
    h.eq(h.report(0, { "status", "--name", "third" }).agent.pid, t.pid, "found by name")
    h.report(4, { "status", "--name", "nobody-of-this-name" })

    -- bad options
    local problem = t:ask([[
        local hotpatch = require 'hotpatch'
        hotpatch.stop()
        local ok, problem = pcall(hotpatch.start, { nam = 'x' })
        assert(not ok)
        return problem
    ]])
    h.has(problem, "name", "an unknown option names the closest")

    -- switched off
    local d = h.server { env = "HOTPATCH_DISABLE=1", modules = { m = h.module("one") } }
    h.eq(d:ask("local h = require 'hotpatch' h.poll() h.poll() return require 'm'.name()"), "one", "it serves")
    h.ok(not h.exists(d.socket), "no socket")
    local said = d:output()
    h.has(said, "HOTPATCH_DISABLE", "says so")
    h.eq(select(2, said:gsub("HOTPATCH_DISABLE", "")), 1, "once")
    h.report(4, { "push", "--pid", d.pid, "m=new.lua" })
    d:quit()

    -- the name from the environment
    local n = h.server { env = "HOTPATCH_NAME=from_env", modules = { m = h.module("one") },
                         setup = "return { start = {}, modules = { 'm' } }" }
    h.eq(h.report(0, { "status", "--pid", n.pid }).agent.name, "from_env", "HOTPATCH_NAME")

    -- a child that the server leaves behind neither disturbs nor answers
    local sleeper = n:ask("return io.popen('sleep 1000 >/dev/null 2>&1 & echo $!'):read()")
    h.eq(h.report(0, { "push", "--pid", n.pid, "m=new.lua" }).status, "applied", "with a child")
    n:quit()
    h.ok(not h.exists(n.socket), "the socket went, child or not")
    os.execute("kill " .. sleeper .. " 2>/dev/null")
end)
