-- diff, push, state kept, revert, log, inspect, eval, status and ps on one small server.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
h.test(function()
    local s = h.server { name = "shop", modules = { m = h.module("one", 1) } }
    local pid = tostring(s.pid)
    s:ask("local m = require 'm' m.hit() m.hit()")
    h.write("new.lua", h.module("two", 10))

    local diff = h.report(0, { "diff", "--pid", pid, "m=new.lua" })
    h.eq(diff.status, "planned", "status of diff")
    h.eq(diff.modules[1].module, "m", "module")
    h.eq(diff.modules[1].base, "recorded", "base")
    h.eq(s:ask("return require 'm'.name()"), "one", "a diff changes nothing")

    local push = h.report(0, { "push", "--pid", pid, "--message", "ten at a time", "m=new.lua" })
    h.eq(push.status, "applied", "status of push")
    h.eq(push.protocol, 1, "protocol")
    h.eq(push.agent.pid, s.pid, "agent.pid")
    h.eq(push.agent.name, "shop", "agent.name")
    h.ok(push.cost.pause_us >= 0 and push.cost.total_us >= push.cost.pause_us, "cost")
    h.ok(push.cost.commit_us > 0 and push.cost.commit_us <= push.cost.pause_us, "the commit is a part of a stop")
    local verdicts = {}
    for _, f in ipairs(push.modules[1].functions) do verdicts[f.path] = f.verdict end
    h.eq(verdicts.hit, "replaced", "hit")
    h.eq(verdicts.name, "replaced", "name")
    h.eq(table.concat(push.modules[1].joined, ","):gsub("[%w_.^]*_ENV,?", ""), "hit^total", "joined")
    h.eq(s:ask("return require 'm'.hit(), require 'm'.name()"), "12\ttwo", "new code on old state")

    h.eq(h.report(0, { "push", "--pid", pid, "m=new.lua" }).status, "no_change", "the same again")

    local status = h.report(0, { "status", "--pid", pid })
    h.eq(status.agent.patches, 1, "patches in force")
    local ps = h.report(0, { "ps" })
    local mine
    for _, a in ipairs(ps) do if a.pid == s.pid then mine = a end end
    h.ok(mine, "ps lists the server")
    h.eq(mine.name, "shop", "its name")
    h.has(mine.endpoint, s.socket, "its endpoint")
    h.has(h.must(0, { "ps" }).out, "shop", "ps for people")

    local log = h.report(0, { "log", "--pid", pid })
    h.eq(#log.patches, 1, "log")
    h.eq(log.patches[1].message, "ten at a time", "message")
    h.eq(log.patches[1].status, "applied", "status in the log")
    h.has(log.patches[1].who, tostring(h.uid), "who pushed")

    local inspect = h.report(0, { "inspect", "--pid", pid, "m.hit" })
    local f = inspect.functions[1]
    h.eq(f.path, "hit", "inspected path")
    h.eq(f.upvalues[1].name, "total", "upvalue")
    h.eq(f.upvalues[1].value, "12", "its value")
    h.eq(f.upvalues[1].type, "number", "its type")
    h.has(h.must(0, { "inspect", "--pid", pid, "m" }).out, "total", "inspect for people")

    local eval = h.report(0, { "eval", "--pid", pid, "-e", "print('seen') return require 'm'.hit(), nil, 'x'" })
    h.eq(eval.status, "ok", "eval")
    h.has(eval.output, "seen", "what it printed")
    h.has(eval.results[1], "22", "first result")
    h.has(eval.results[3], "x", "third result")
    h.lacks(s:output(), "seen", "the server's own output")
    h.write("code.lua", "return require 'm'.name()")
    h.has(h.must(0, { "eval", "--pid", pid, "code.lua" }).out, "two", "eval of a file")
    h.must(1, { "eval", "--pid", pid, "-e", "error('deliberate')" })

    local revert = h.report(0, { "revert", "--pid", pid })
    h.eq(revert.status, "reverted", "revert")
    h.eq(s:ask("return require 'm'.hit(), require 'm'.name()"), "23\tone", "old code on today's state")
    h.eq(h.report(0, { "log", "--pid", pid }).patches[1].status, "reverted", "the log says so")
    h.report(3, { "revert", "--pid", pid }) -- nothing left
end)
