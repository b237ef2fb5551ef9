-- Bundles: one file of a patch, made here, signed by minisign or by us, taken by a server that trusts some keys and no others.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")

local function minisign(words) return h.shell("cd " .. h.dir .. " && minisign " .. words .. " 2>&1") end

h.test(function()
    if h.shell("command -v minisign") == "" then
        print "skipped: there is no minisign"
        return
    end
    for _, name in ipairs { "release", "anna", "stranger", "narrow" } do
        minisign(("-G -W -s %s.key -p %s.pub"):format(name, name))
    end
    h.write("one.lua", h.module("one", 1))
    h.write("two.lua", h.module("two", 2))
    h.write("three.lua", h.module("three", 3))

    -- made: the same input gives the same bytes
    local function bundle(exit, file, ...)
        return h.must(exit, { "bundle", "-o", file, "--base", "m=one.lua", "m=two.lua", ... })
    end
    bundle(0, "fix.hotpatch", "--created", "2026-01-01T00:00:00Z", "--series", "game", "--message", "a fix", "--author", "Anna")
    bundle(0, "again.hotpatch", "--created", "1767225600", "--series", "game", "--message", "a fix", "--author", "Anna")
    h.eq(h.read(h.dir .. "/fix.hotpatch"), h.read(h.dir .. "/again.hotpatch"), "reproducible")
    h.must(64, { "bundle", "m=two.lua" })
    h.must(64, { "bundle", "-o", "x.hotpatch", "two.lua" })
    h.must(64, { "bundle", "-o", "x.hotpatch", "--created", "yesterday", "m=two.lua" })
    h.write("broken.lua", "local M = {\nreturn M\n")
    h.has(h.must(1, { "bundle", "-o", "x.hotpatch", "m=broken.lua" }).err, "broken.lua:2", "compiled when it is made")
    local seen = h.report(0, { "inspect", "fix.hotpatch" }).bundle
    h.eq(seen.created, "2026-01-01T00:00:00Z", "created")
    h.eq(seen.modules[1].module, "m", "module")
    h.eq(seen.modules[1].base, "one.lua", "base")
    h.eq(#seen.keys, 0, "keys")

    -- a server that trusts nobody in particular takes it as it is
    local open = h.server { modules = { m = h.module("one", 1) } }
    local pid = tostring(open.pid)
    open:ask "require 'm'.hit()"
    h.has(h.must(0, { "diff", "--pid", pid, "fix.hotpatch" }).out, '+function M.name() return "two" end', "the review")
    h.must(64, { "push", "--pid", pid, "--prune", "fix.hotpatch" })
    h.must(64, { "push", "--pid", pid, "--base", "one.lua", "fix.hotpatch" })
    h.must(64, { "push", "--pid", pid, "--signature", "one.lua", "m=two.lua" })
    local r = h.report(0, { "push", "--pid", pid, "--max-pause", "50", "fix.hotpatch" })
    h.eq(r.status, "applied", "pushed")
    h.eq(r.signed_by, nil, "by nobody")
    h.eq(open:ask "return require 'm'.name() .. require 'm'.hit()", "two3", "state is kept")
    h.eq(h.report(0, { "log", "--pid", pid }).patches[1].message, "a fix", "the bundle's message")
    h.must(0, { "verify", "--pid", pid, "fix.hotpatch" })
    h.write("cut.hotpatch", h.read(h.dir .. "/fix.hotpatch"):sub(1, -20))
    h.must(1, { "push", "--pid", pid, "cut.hotpatch" })
    open:quit()

    -- one that wants two keys, one of which may sign for `x*` alone
    local keys = ("{ %q, { key = %q, name = 'anna' }, { key = %q, name = 'narrow', modules = { 'x*' } } }"):format(
        h.dir .. "/release.pub", h.read(h.dir .. "/anna.pub"):match("\n(.-)\n"), h.dir .. "/narrow.pub")
    local function server(need)
        return h.server { modules = { m = h.module("one", 1) }, setup =
            ("return { start = { name = 'trusting', audit = %q, max_pause_ms = 50, trust = { keys = %s, need = %d, state = %q } }, modules = { 'm' } }")
                :format(h.dir .. "/audit", keys, need, h.dir .. "/series") }
    end
    local s = server(2)
    pid = tostring(s.pid)
    local function denied(words, ...)
        local d = h.must(5, { "push", "--pid", pid, ... })
        h.has(d.err, words, "denied")
        h.eq(s:ask "return require 'm'.name()", "one", "nothing changed")
    end
    denied("signed bundles only", "m=two.lua")
    h.has(h.must(5, { "eval", "--pid", pid, "-e", "return 1" }).err, "no code with eval", "eval")
    h.eq(h.report(0, { "diff", "--pid", pid, "m=two.lua" }).status, "planned", "looking is free")
    denied("0 of the keys", "fix.hotpatch")
    minisign "-S -s release.key -m fix.hotpatch"
    denied("1 of the keys that this agent trusts has signed the bundle, and 2 must", "fix.hotpatch")
    h.must(0, { "sign", "-k", "release.key", "-o", "twice.minisig", "fix.hotpatch" })
    denied("1 of the keys", "--signature", "twice.minisig", "fix.hotpatch") -- one key twice is one key
    minisign "-S -s stranger.key -m fix.hotpatch -x stranger.minisig"
    denied("1 of the keys", "--signature", "stranger.minisig", "fix.hotpatch")
    h.must(0, { "sign", "-k", "narrow.key", "-o", "narrow.minisig", "fix.hotpatch" })
    denied("the key narrow may not sign for m", "--signature", "narrow.minisig", "fix.hotpatch")
    h.has(h.must(64, { "sign", "-k", "anna.key", "fix.hotpatch" }).err, "was not made with this key", "another's signature")
    h.must(0, { "sign", "-k", "anna.key", "-o", "anna.minisig", "fix.hotpatch" })
    h.has(minisign "-V -p anna.pub -m fix.hotpatch -x anna.minisig", "comment signature verified", "minisign takes ours")
    minisign "-S -l -s anna.key -m fix.hotpatch -x old-format.minisig"
    h.eq(h.report(0, { "diff", "--pid", pid, "--signature", "old-format.minisig", "fix.hotpatch" }).status, "planned", "diff")

    -- what was signed is what counts
    local sealed = h.read(h.dir .. "/fix.hotpatch")
    h.write("forged.hotpatch", (sealed:gsub("two", "TWO")))
    h.write("forged.hotpatch.minisig", h.read(h.dir .. "/fix.hotpatch.minisig"))
    denied("0 of the keys", "--signature", "anna.minisig", "forged.hotpatch")
    h.write("comment.minisig", (h.read(h.dir .. "/anna.minisig"):gsub("timestamp:", "timestamp;")))
    denied("1 of the keys", "--signature", "comment.minisig", "fix.hotpatch")

    r = h.report(0, { "push", "--pid", pid, "--signature", "old-format.minisig", "fix.hotpatch" })
    h.eq(r.status, "applied", "two keys")
    h.has(r.signed_by, "anna", "who")
    h.eq(s:ask "return require 'm'.name()", "two", "it runs")
    h.has(h.report(0, { "log", "--pid", pid }).patches[1].who, "; signed by ", "log")
    h.has(h.read(h.dir .. "/audit"), "; signed by ", "audit")
    h.has(h.read(h.dir .. "/audit"), "may not sign for m", "who was turned away is in the audit file too")

    -- older ones of the series, also after a restart; out of date
    local function signed(file, ...)
        h.must(0, { "bundle", "-o", file, "--base", "m=one.lua", "m=three.lua", ... })
        h.must(0, { "sign", "-k", "release.key", file })
        h.must(0, { "sign", "-k", "anna.key", "-o", file .. ".2", file })
        return "--signature", file .. ".2", file
    end
    h.must(0, { "revert", "--pid", pid }) -- needs no signature
    h.has(h.must(3, { "push", "--pid", pid, signed("older", "--created", "1700000000", "--series", "game") }).err, "newer bundle", "older")
    h.must(0, { "push", "--pid", pid, signed("other", "--created", "1700000000", "--series", "other") })
    h.must(0, { "revert", "--pid", pid })
    h.has(h.must(3, { "push", "--pid", pid, signed("late", "--created", "1700000000", "--expires", "1d") }).err, "expired on 2023-11-15", "late")
    s:quit()
    s = server(2)
    pid = tostring(s.pid)
    h.has(h.must(3, { "push", "--pid", pid, "--signature", "older.2", "older" }).err, "newer bundle", "after a restart")
    h.must(0, { "push", "--pid", pid, signed("newer", "--created", "1790000000", "--series", "game") })
    h.eq(s:ask "return require 'm'.name()", "three", "newer")
    s:quit()

    -- options that are none
    for trust, words in pairs {
        ["{ keys = {} }"] = "list 1 to 64 keys",
        ["{ keys = { '/nowhere.pub' } }"] = "neither a public key of minisign nor a file",
        [("{ keys = { %q } }"):format(h.dir .. "/one.lua")] = "has no public key",
        [("{ keys = { %q, %q } }"):format(h.dir .. "/anna.pub", h.dir .. "/anna.pub")] = "listed twice",
        [("{ keys = { %q }, need = 2 }"):format(h.dir .. "/anna.pub")] = "need = 2, and there are 1 keys",
        ["{ key = 'x' }"] = "trust takes a table",
    } do
        local bad = h.server { modules = {}, wait = false, setup = ("return { start = { trust = %s }, modules = {} }"):format(trust) }
        h.until_("it refuses " .. trust, function() return bad:output():find(words, 1, true) end)
    end
end)
