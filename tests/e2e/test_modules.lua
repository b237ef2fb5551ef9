-- How modules are named: MODULE=, -m, by file, stdin, @path; several at once, all or nothing; --expect-version; --base.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
h.test(function()
    local s = h.server { modules = { a = h.module("a1"), b = h.module("b1"), c = h.module("c1") } }
    local pid = tostring(s.pid)
    local function names() return s:ask("return require 'a'.name(), require 'b'.name(), require 'c'.name()") end
    local function push(exit, args)
        table.insert(args, 1, "push")
        table.insert(args, 2, "--pid")
        table.insert(args, 3, pid)
        return h.report(exit, args)
    end

    h.write("a2.lua", h.module("a2"))
    h.write("b2.lua", h.module("b2"))
    h.write("bad.lua", "local M = {}\nfunction M.name() return 'bad' end\nerror 'halfway'\nreturn M\n")
    h.write("syntax.lua", "return {\n")

    h.eq(push(0, { "a=a2.lua", "b=b2.lua" }).status, "applied", "two modules")
    h.eq(names(), "a2\tb2\tc1", "both")
    h.eq(h.report(0, { "log", "--pid", pid }).patches[1].modules[2], "b", "one patch with both")
    h.eq(h.report(0, { "revert", "--pid", pid }).status, "reverted", "one revert for both")
    h.eq(names(), "a1\tb1\tc1", "both back")

    h.eq(push(1, { "a=a2.lua", "b=bad.lua" }).status, "load_failed", "one body fails")
    h.eq(names(), "a1\tb1\tc1", "nothing")
    h.eq(push(1, { "a=a2.lua", "b=syntax.lua" }).status, "load_failed", "one does not compile")
    h.eq(names(), "a1\tb1\tc1", "nothing")
    h.eq(push(3, { "a=a2.lua", "string=b2.lua" }).status, "refused", "one is refused")
    h.eq(names(), "a1\tb1\tc1", "nothing")

    h.eq(push(0, { "-m", "a", "a2.lua" }).status, "applied", "-m")
    h.eq(push(0, { "b=-", stdin = h.module("b3") }).status, "applied", "from standard input")
    h.eq(names(), "a2\tb3\tc1", "both")

    -- without a module name: the module whose file it is
    h.write(s.dir .. "/c.lua", h.module("c2"))
    local report = push(0, { s.dir .. "/c.lua" })
    h.eq(report.status, "applied", "by file")
    h.eq(report.modules[1].module, "c", "found")
    h.eq(names(), "a2\tb3\tc2", "code")
    report = push(0, { "c.lua", cd = s.dir })
    h.eq(report.status, "no_change", "by a relative name")
    h.write("stranger.lua", h.module("x"))
    report = push(3, { "stranger.lua" })
    h.eq(report.status, "refused", "a file that is no loaded module")

    -- unknown names are answered with the closest
    h.write("x.lua", h.module("x"))
    local r = h.must(3, { "push", "--pid", pid, "aa=x.lua" })
    h.has(r.out .. r.err, "aa", "names what was asked")

    -- versions
    h.write("a3.lua", h.module("a3"))
    h.eq(push(3, { "--expect-version", "2", "a=a3.lua" }).status, "refused", "another version")
    h.eq(push(0, { "--expect-version", "1", "a=a3.lua" }).status, "applied", "the version")

    -- a base from the client; and one that is not what runs
    h.write("a4.lua", h.module("a4"))
    h.eq(push(3, { "--base", "a2.lua", "a=a4.lua" }).refusals[1].code, "R16", "not the base")
    report = push(0, { "--base", "a3.lua", "a=a4.lua" })
    h.eq(report.modules[1].base, "client", "the client's base")

    -- git
    os.execute(("cd %s && git init -q . 2>/dev/null && git add a4.lua && git -c user.name=t -c user.email=t@t commit -qm x"):format(
        h.quote(h.dir)))
    h.write("a4.lua", h.module("a5"))
    report = push(0, { "--git", "HEAD", "a=a4.lua" })
    h.eq(report.modules[1].base, "client", "base from git")
    h.eq(s:ask("return require 'a'.name()"), "a5", "code")
end)
