-- Which agent: none, several, by pid, name and URL; the sentences for pids that lead nowhere.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
h.test(function()
    h.write("new.lua", h.module("two"))
    local plain = h.server { env = "E2E_WITHOUT_HOTPATCH=1" }

    h.eq(#h.report(0, { "ps" }), 0, "agents before there is one")
    h.has(h.must(4, { "push", "m=new.lua" }).err, "no agent", "sentence without any agent")

    local one = h.server { name = "one", modules = { m = h.module("one") } }
    h.report(0, { "status", "--pid", one.pid }) -- the first answer may take longer than ps waits
    h.eq(h.report(0, { "diff", "m=new.lua" }).status, "planned", "the only agent needs no name")
    local two = h.server { name = "two", modules = { m = h.module("one") } }
    h.report(0, { "status", "--pid", two.pid })
    local r = h.run { "push", "m=new.lua" }
    h.ok(r.exit ~= 0, "ambiguous")
    h.has(r.err, "--pid " .. one.pid, "lists the first")
    h.has(r.err, "--pid " .. two.pid, "lists the second")
    h.eq(one:ask("return require 'm'.name()") .. two:ask("return require 'm'.name()"), "oneone", "neither was touched")

    h.eq(h.report(0, { "push", "--name", "two", "m=new.lua" }).agent.pid, two.pid, "by name")
    h.eq(h.report(0, { "push", "--to", "ipc://" .. one.socket, "m=new.lua" }).agent.pid, one.pid, "by URL")
    h.eq(h.report(0, { "status", "--pid=" .. two.pid }).agent.pid, two.pid, "by pid")
    h.eq(h.report(0, { "status", "--pid", two.pid, "--state", "main" }).agent.state, "main", "state")
    h.ok(h.run({ "status", "--pid", two.pid, "--state", "other" }).exit ~= 0, "a state that does not exist")

    -- three sentences
    local none = h.must(4, { "push", "--pid", "2147483000", "m=new.lua" })
    h.has(none.err, "no process", "a pid that does not exist")
    local without = h.must(4, { "push", "--pid", plain.pid, "m=new.lua" })
    h.has(without.err, "has no agent", "a pid without an agent")
    h.ok(none.err ~= without.err, "two sentences")
    if h.uid == 0 and h.shell("command -v setpriv") ~= "" then
        local probe = h.shell(("setpriv --reuid=65534 --clear-groups test -x %s && echo yes"):format(
            h.quote(os.getenv "E2E_COMMAND")))
        if probe == "yes\n" then
            os.execute("chmod 755 " .. h.quote(h.dir))
            local foreign = h.must(5, { "push", "--pid", one.pid, "m=new.lua", wrap = "setpriv --reuid=65534 --clear-groups" })
            h.has(foreign.err, "belongs to", "somebody else's pid")
        end
    end

    -- URLs that are for later, and that are none
    h.has(h.must(4, { "status", "--to", "tcp://127.0.0.1:1" }).err, "nobody listens on port 1", "tcp")
    h.has(h.must(64, { "status", "--to", "tls+tcp://127.0.0.1:1" }).err, "there is no --tls-ca", "tls")
    h.must(64, { "status", "--to", "nonsense" })
    h.must(4, { "status", "--to", "ipc://" .. h.dir .. "/nothing.sock", "--timeout", "1" })
end)
