-- Over tls: both sides by certificate, what each thing that can be wrong is called, and new certificates without a restart.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
local n = dofile(h.here .. "/network.lua")(h)

h.test(function()
    if not n.tls then return end
    n.authority "a"
    n.authority "other"
    n.certificate("a", "server", { name = "localhost" })
    n.certificate("a", "ci")
    n.certificate("other", "stranger")
    n.certificate("a", "late", { expired = true })
    n.certificate("a", "elsewhere", { name = "game.example" })
    n.certificate("a", "forservers", { name = "localhost", usage = "serverAuth" })
    n.certificate("a", "forclients", { name = "localhost", usage = "clientAuth" })
    n.certificate("a", "old", { name = "localhost", expired = true })
    h.write("new.lua", h.module("two"))
    local function copy(from)
        for _, kind in ipairs { ".pem", ".key" } do
            h.write("live" .. kind .. ".new", h.read(n.at(from .. kind)))
            os.rename(n.at("live" .. kind .. ".new"), n.at("live" .. kind))
        end
    end
    copy "server"
    local s = n.server { ca = "a.pem", cert = "live.pem", key = "live.key" }
    local ci = { name = "ci" }

    -- it works, and the log tells from where
    local applied = h.report(0, n.args(s, ci, "push", "m=new.lua"))
    h.eq(applied.status, "applied", "push over tls")
    h.eq(s:ask("return require 'm'.name()"), "two", "code")
    local who = h.report(0, n.args(s, ci, "log")).patches[1].who
    h.has(who, "tls 127.0.0.1:", "who")
    h.must(0, { "status", "--to", s.tls, env = ("HOTPATCH_TLS_CA=%s HOTPATCH_TLS_CERT=%s HOTPATCH_TLS_KEY=%s"):format(
        n.at "a.pem", n.at "ci.pem", n.at "ci.key") })

    -- what can be wrong, each in its own words
    local function fails(exit, text, args)
        local r = h.must(exit, args)
        h.has(r.err, text, "the sentence")
    end
    fails(5, "does not accept the certificate in", n.args(s, { name = "stranger" }, "status"))
    fails(5, "or not made for clients", n.args(s, { name = "forservers" }, "status"))
    h.must(0, n.args(s, { name = "forclients" }, "status"))
    fails(5, "not from the authority in", n.args(s, { name = "ci", ca = "other.pem" }, "status"))
    fails(5, "expired on 2020-02-01", n.args(s, { name = "late" }, "status"))
    local good = s.tls
    s.tls = good:gsub("localhost", "127.0.0.1")
    fails(5, "the agent's certificate is for localhost and not for 127.0.0.1", n.args(s, ci, "status"))
    s.tls = "tls+tcp://no-such-host.invalid:7071"
    fails(4, "the name no-such-host.invalid is not found", n.args(s, ci, "status"))
    s.tls = s.tcp:gsub("^", "tls+")
    fails(4, "does not speak TLS", n.args(s, ci, "status"))
    s.tls = "tls+tcp://localhost:1"
    fails(4, "nobody listens on port 1", n.args(s, ci, "status"))
    local silent = assert(h.socket.bind("127.0.0.1", 0))
    s.tls = "tls+tcp://localhost:" .. select(2, silent:getsockname())
    fails(4, "accepts the connection and says nothing", n.args(s, ci, "status", "--timeout", "0.5"))
    silent:close()
    s.tls = good
    h.write("mixed.key", h.read(n.at "server.key"))
    fails(64, "is not that of the certificate", { "status", "--to", s.tls, "--tls-ca", n.at "a.pem", "--tls-cert",
        n.at "ci.pem", "--tls-key", n.at "mixed.key" })

    -- certificates are replaced on disk; the ones before go on where the new ones are no good
    local function warning() return (h.report(0, { "status", "--pid", s.pid }).warnings[1] or {}).text end
    h.ok(not warning(), "no warning")
    copy "elsewhere"
    h.until_("the new certificate is shown", function()
        return h.run(n.args(s, ci, "status")).err:find("for game.example and not for localhost", 1, true)
    end)
    h.write("live.pem", h.read(n.at "server.pem")) -- and not its key
    h.has(h.until_("the agent tells", warning), "is not that of the certificate", "warning")
    h.has(h.must(0, { "status", "--pid", s.pid }).out, "the new certificates are not used", "status for people")
    copy "server"
    h.until_("the right one is back", function() return h.run(n.args(s, ci, "status")).exit == 0 end)
    h.until_("the warning goes", function() return not warning() end)
    copy "old"
    h.has(h.until_("the agent tells", warning), "expired on 2020-02-01", "an expired one is not taken")
    h.write("live.pem", "nonsense")
    h.until_("the agent tells", function() return (warning() or ""):find("no file of certificates", 1, true) end)
    h.must(0, n.args(s, ci, "status"))

    -- one for clients, at a server; and who may what: with a list, those with a certificate only what it names them for
    local wrong = n.server { ca = "a.pem", cert = "forclients.pem", key = "forclients.key" }
    h.until_("the server's use is named", function() -- its last word may be lost with the connection
        return h.run(n.args(wrong, ci, "status")).err:find("its own is not made for servers", 1, true)
    end)
    local some = n.server { ca = "a.pem", cert = "server.pem", key = "server.key", rights = "{ read = { 'tls' } }" }
    h.must(0, n.args(some, ci, "diff", "m=new.lua"))
    local denied = h.must(5, n.args(some, ci, "push", "m=new.lua")).err
    h.has(denied, "(tls) may not push: that needs the right 'patch'", "push over tls")
    h.has(denied, 'rights = { patch = { "tls" } }', "who could give it")
    h.must(0, { "push", "--pid", some.pid, "m=new.lua", "--accept=R20" })
    local none = n.server { ca = "a.pem", cert = "server.pem", key = "server.key", rights = "{ read = {} }" }
    h.has(h.must(5, n.args(none, ci, "status")).err, "a certificate alone gives no right here", "nothing over tls")

    -- one that was out of date from the start is served and told of
    local late = n.server { ca = "a.pem", cert = "old.pem", key = "old.key" }
    h.has(h.report(0, { "status", "--pid", late.pid }).warnings[1].text, "expired on 2020-02-01", "told")
    h.has(h.must(5, n.args(late, ci, "status")).err, "the agent's certificate expired on 2020-02-01", "expired")
end)
