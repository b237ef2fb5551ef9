-- The audit file: what was asked, refused and done, each line tied to the one before; nothing is done that cannot be written down.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
local json = dofile(h.here .. "/json.lua")
h.test(function()
    local file = h.dir .. "/game.audit"
    local function server(path)
        return h.server { modules = { m = h.module("one", 1) },
            setup = ("return { start = { name = 'audited', audit = %q }, modules = { 'm' } }"):format(path) }
    end
    local s = server(file)
    local pid = tostring(s.pid)
    h.write("two.lua", h.module("two", 2))
    h.must(0, { "push", "--pid", pid, "--id", "first", "--message", 'a "fix"\nof two lines', "m=two.lua" })
    h.must(3, { "push", "--pid", pid, "nosuch=two.lua" })
    h.must(0, { "diff", "--pid", pid, "m=two.lua" }) -- looking is not written down
    h.must(0, { "eval", "--pid", pid, "-e", "return 1" })
    s:ask "return require 'hotpatch'.revert().status"
    local out = h.must(0, { "audit", "check", file }).out
    h.has(out, "9 lines, the chain is whole", "check")

    local lines = {}
    for line in io.lines(file) do lines[#lines + 1] = json.decode(line) end
    local events = {}
    for i, l in ipairs(lines) do
        events[i] = l.event .. (l.kind and " " .. l.kind or "") .. (l.status and " " .. l.status or "")
        h.eq(l.line, i, "numbered")
    end
    h.eq(table.concat(events, ", "), "start, asked push, done push applied, asked push, done push refused, asked eval, done eval ok, " ..
        "asked revert, done revert reverted", "what happened")
    h.eq(lines[2].id, "first", "id")
    h.eq(lines[2].message, 'a "fix"\nof two lines', "message")
    h.eq(lines[2].modules[1].module, "m", "module")
    h.eq(lines[2].modules[1].sha256, h.shell("sha256sum " .. h.dir .. "/two.lua"):match("^%x+"), "hash of the source")
    h.has(lines[2].who, "uid ", "who")
    h.eq(lines[3].patch, 1, "patch")
    h.has(lines[8].who, "the program itself", "who")

    -- another agent on the same file
    local other = h.server { modules = {}, wait = false,
        setup = ("return { start = { audit = %q }, modules = {} }"):format(file) }
    h.until_("the second one gives up", function() return other:output():find("being written by another agent", 1, true) end)

    -- moved away: a new one goes on with the chain
    assert(os.rename(file, file .. ".1"))
    h.must(0, { "push", "--pid", pid, "m=two.lua" })
    h.has(h.must(0, { "audit", "check", file }).out, "goes on with an older file, whose last line has the number 9", "rotated")

    -- and no lie survives
    local function tampered(change, words)
        local text = h.read(file .. ".1")
        h.write("tampered", (change(text)))
        h.has(h.must(1, { "audit", "check", h.dir .. "/tampered" }).err, words, "tampered")
    end
    tampered(function(t) return t:gsub("refused", "applied", 1) end, "line 6: it does not follow")
    tampered(function(t) return t:gsub("(.-\n.-\n).-\n", "%1", 1) end, "line 3: it does not follow")
    tampered(function(t) return t:sub(1, -5) end, "cut off")
    tampered(function() return "no\n" end, "no line of an audit file")

    h.write("beheaded", (h.read(file .. ".1"):gsub("[^\n]*\n", "", 2)))
    h.has(h.must(0, { "audit", "check", h.dir .. "/beheaded" }).out, "older file, whose last line has the number 2", "that is told")

    -- a disk that is full: nothing is changed, reading goes on
    s:quit()
    local full = server(h.dir .. "/limited.audit")
    pid = tostring(full.pid)
    local size = #h.read(h.dir .. "/limited.audit")
    h.shell(("prlimit --pid %s --fsize=%d:"):format(pid, size + 40))
    full:ask "return 1"
    local r = h.must(3, { "push", "--pid", pid, "m=two.lua" })
    h.has(r.err .. r.out, "cannot be written", "refused")
    h.eq(full:ask "return require 'm'.name()", "one", "nothing changed")
    h.must(0, { "status", "--pid", pid })
    h.must(0, { "diff", "--pid", pid, "m=two.lua" })
    h.shell(("prlimit --pid %s --fsize=unlimited:"):format(pid))
    h.must(0, { "push", "--pid", pid, "m=two.lua" })
    h.eq(full:ask "return require 'm'.name()", "two", "and again")
    h.must(0, { "audit", "check", h.dir .. "/limited.audit" })
    h.must(64, { "audit", "check" })
    h.must(1, { "audit", "check", "/nowhere" })
    full:quit()
end)
