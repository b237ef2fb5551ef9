-- Who may do what: users and groups over a socket that is open to them, eval switched off, and what the audit file has of it.
-- Needs root, to ask as other users.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
local json = dofile(h.here .. "/json.lua")
local READER, PATCHER, STRANGER, MEMBER = 4242, 4243, 4244, 1 -- numbers without a name; `daemon`, who is in its group

local function as(uid) return ("setpriv --reuid=%d --regid=4240 --clear-groups"):format(uid) end

-- A stranger takes all the places that he can get: those who may still come in.
local function crowded(s, open)
    local told = h.write("flooded", "")
    os.execute("chmod 666 " .. h.quote(told))
    local flood = h.write("flood.lua", ([[
        local unix, held = require "socket.unix", {}
        for i = 1, 150 do
            held[i] = unix.stream()
            assert(held[i]:connect(%q))
            held[i]:send "\0SP\0\0\x30\0\0\1\0\0\0" -- and the rest of it never comes
        end
        io.open(%q, "w"):write("there"):close()
        require "socket".sleep(1000)]]):format(open .. "/s", told))
    local flooding = h.process(("%s lua5.4 %s"):format(as(STRANGER), h.quote(flood)))
    h.until_("the flood is there", function() return (h.read(told) or "") ~= "" end)
    s:block()
    local waiting = {}
    for i = 1, 12 do
        waiting[i] = h.spawn { "push", "--pid", s.pid, stdin = h.module("three", 3), "m=-", "--accept=R20", "--timeout",
            "60" }
    end
    h.until_("all are there", function() return h.pending(s) == #waiting end)
    s:release()
    for _, one in ipairs(waiting) do h.eq(one.wait().exit, 0, "push in a flood") end
    os.execute("kill " .. flooding)
    h.must(0, { "revert", "--pid", s.pid })
end

h.test(function()
    os.execute("chmod 755 " .. h.quote(h.dir))
    local usable = h.uid == 0 and
        os.execute(as(READER) .. " test -x " .. h.quote(os.getenv "E2E_COMMAND") .. " 2>/dev/null")
    if not usable then
        print "skipped: this needs root, and a build that other users may run"
        return
    end

    local open, file = h.dir .. "/open", h.dir .. "/audit"
    os.execute("mkdir -m 755 " .. h.quote(open))
    local url = "ipc://" .. open .. "/s"
    local s = h.server {
        modules = { m = h.module("one", 1) },
        setup = ([[return { start = { name = "shared", audit = %q, listen = { %q, "tcp://127.0.0.1:0" }, rights = {
            read = { "user:%d", "group:daemon" }, patch = { "user:%d" } } }, modules = { "m" } }]]):format(file, url, READER,
            PATCHER),
    }
    local two, three = h.module("two", 2), h.module("three", 3)
    local function ask(uid, exit, ...)
        return h.must(exit, { (...), "--to", url, stdin = two, wrap = as(uid), select(2, ...) })
    end
    h.eq(h.shell("stat -c %a " .. open .. "/s"), "666\n", "mode of the shared socket")
    h.eq(h.shell("stat -c %a " .. s.socket), "600\n", "mode of its own")

    -- who reads
    h.has(ask(READER, 0, "status").out, "shared", "status")
    ask(READER, 0, "diff", "m=-")
    ask(READER, 0, "inspect", "m")
    ask(READER, 0, "log")
    local denied = ask(READER, 5, "push", "m=-").err
    h.has(denied, "user 4242 may not push: that needs the right 'patch'", "push by a reader")
    h.has(denied, 'rights = { patch = { "user:4242" } }', "and who could give it")
    h.has(ask(READER, 5, "eval", "-e", "return 1").err, "needs the right 'eval'", "eval by a reader")
    h.has(ask(READER, 5, "revert").err, "may not revert", "revert by a reader")
    h.has(ask(READER, 5, "confirm").err, "may not confirm", "confirm by a reader")
    h.has(ask(READER, 5, "diff", "--atomic", "m=-").err, "with --atomic or --max-pause", "a diff that stops the server")
    h.has(ask(MEMBER, 0, "status").out, "shared", "status by a member of the group")
    ask(MEMBER, 5, "push", "m=-")

    -- who patches, reads too
    ask(PATCHER, 0, "status")
    h.eq(h.report(0, { "push", "--to", url, stdin = two, wrap = as(PATCHER), "m=-", "--accept=R20" }).status, "applied", "push")
    h.eq(s:ask "return require 'm'.name()", "two", "it runs")
    h.has(s:ask "return require 'hotpatch'.log().patches[1].who", "uid 4243", "who")
    ask(PATCHER, 5, "eval", "-e", "return 1")
    ask(PATCHER, 0, "revert")

    -- strangers, also where the port is open to all, and where a word of theirs would have been read
    local stranger = ask(STRANGER, 5, "status").err
    h.has(stranger, "user 4244 may not ask a process of user 0", "a stranger")
    h.has(stranger, 'rights = { read = { "user:4244" } }', "what would help")
    local tcp
    for _, place in ipairs(h.report(0, { "status", "--pid", s.pid }).agent.listen) do tcp = place:match "^tcp.*" or tcp end
    h.must(5, { "status", "--to", tcp, wrap = as(STRANGER) })
    h.must(0, { "status", "--to", tcp, wrap = as(READER) })
    h.must(5, { "push", "--to", tcp, wrap = as(READER), stdin = two, "m=-" })

    if not os.getenv "E2E_NO_TLS" then crowded(s, open) end -- many commands: not under the thread sanitizer

    -- root, and the process's own user
    h.must(0, { "eval", "--pid", s.pid, "-e", "return 1" })
    h.must(0, { "push", "--to", url, stdin = three, "m=-", "--accept=R20" })

    local seen = {}
    for line in io.lines(file) do
        local l = json.decode(line)
        if l.event == "denied" then
            seen[#seen + 1] = (l.kind or "-") .. " " .. l.who:match "^uid (%d+)"
            h.ok(l.error, "a reason")
        end
    end
    h.eq(table.concat(seen, ", "), "push 4242, eval 4242, revert 4242, confirm 4242, diff 4242, push 1, eval 4243, - 4244, " ..
        "- 4244, push 4242", "turned away, in the audit file")
    h.must(0, { "audit", "check", file })

    -- a directory where anybody could put another socket; and eval that is off for all
    local loose = h.dir .. "/loose"
    os.execute("mkdir -m 777 " .. h.quote(loose))
    local bad = h.server { wait = false, setup = ("return { start = { listen = { %q }, rights = { read = { 'user:%d' } } } }")
        :format("ipc://" .. loose .. "/s", READER) }
    h.until_("it is refused", function() return bad:output():find("anybody can put another socket", 1, true) end)
    local off = h.server { setup = "return { start = { rights = { eval = false } } }" }
    h.has(h.must(5, { "eval", "--pid", off.pid, "-e", "return 1" }).err, "eval is switched off", "eval off")
end)
