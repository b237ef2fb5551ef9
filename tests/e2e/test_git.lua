-- From git: --git A..B takes what changed, verify tells what runs, and both say what they leave out.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
h.test(function()
    local s = h.server { modules = { a = h.module("a1"), b = h.module("b1"), old = h.module("old1") } }
    local pid = tostring(s.pid)
    local function git(line)
        if not os.execute(("cd %s && git -c user.name=t -c user.email=t@t %s >/dev/null 2>&1"):format(h.quote(s.dir), line)) then
            h.fail("git %s failed", line)
        end
    end
    local function ask(exit, command, ...)
        return h.report(exit, { command, "--pid", pid, cd = s.dir, ... })
    end
    local function text(exit, command, ...)
        return h.must(exit, { command, "--pid", pid, cd = s.dir, ... })
    end
    local function functions(report, module)
        local found = {}
        for _, m in ipairs(report.modules) do
            if m.module == module then
                for _, f in ipairs(m.functions) do found[f.path] = f end
            end
        end
        return found
    end
    local function skipped(report)
        local found = {}
        for _, x in ipairs(report.skipped or {}) do found[x.file] = x.why end
        return found
    end

    h.write(s.dir .. "/unused.lua", "return {}\n")
    h.write(s.dir .. "/moved.lua", "-- a file\n-- that is moved\nreturn { 1, 2, 3, 4 }\n")
    h.write(s.dir .. "/notes.txt", "1\n")
    git "init -q ."
    git "add a.lua b.lua old.lua unused.lua moved.lua notes.txt"
    git "commit -qm one"
    git "tag v1"

    -- what was loaded is what was committed
    local report = ask(0, "verify", "--git", "v1")
    h.eq(report.status, "no_change", "as loaded")
    h.eq(#report.modules, 3, "loaded modules of the revision")
    h.eq(functions(report, "a").hit.verdict, "same", "hit")
    h.has(text(0, "verify", "--git", "v1", "a.lua").out, "verified: all 2 functions", "one file")

    -- the second version: one changed, one deleted, one new, one moved, one that nobody loaded
    s:ask "require 'a'.hit()"
    h.write(s.dir .. "/a.lua", (h.module("a2", 10):gsub("return M\n$", "function M.more() return 'more' end\nreturn M\n")))
    h.write(s.dir .. "/unused.lua", "return { 1 }\n")
    h.write(s.dir .. "/fresh.lua", "return {}\n")
    h.write(s.dir .. "/notes.txt", "2\n")
    git "mv moved.lua there.lua"
    git "rm -q old.lua"
    git "add -A ."
    git "commit -qm two"
    git "tag v2"
    git "checkout -q v1" -- neither version has to be the one that is checked out

    report = ask(2, "diff", "--git", "v1..v2", "--exit-code")
    h.eq(report.status, "planned", "a diff of a range")
    h.eq(#report.modules, 1, "modules of the range")
    h.eq(report.modules[1].module, "a", "module of the range")
    h.eq(report.modules[1].base, "client", "base of the range")
    h.eq(functions(report, "a").name.diff, '@@ -7,1 +7,1 @@ name\n-function M.name() return "a1" end\n+function M.name() return "a2" end\n',
        "the lines of a function")
    h.has(functions(report, "a").more.diff, "+function M.more()", "the lines of a new function")
    h.eq(functions(report, "a").name.old, nil, "what the diff was made of")
    local plain = text(0, "diff", "--git", "v1..v2").out
    h.has(plain, "      -    total = total + 1\n      +    total = total + 10\n", "the lines in the text")
    h.lacks(plain, "\27[", "colours")
    h.write(s.dir .. "/a3.lua", h.module("a3"))
    report = ask(0, "diff", "a=a3.lua") -- the base is the agent's
    h.eq(report.modules[1].base, "recorded", "the agent's base")
    h.has(functions(report, "a").name.diff, '-function M.name() return "a1" end', "lines of the agent's base")
    report = ask(0, "diff", "--git", "v1..v2")
    h.has(skipped(report)["old.lua"], "deleted in v2", "deleted")
    h.has(skipped(report)["fresh.lua"], "new in v2", "new")
    h.has(skipped(report)["there.lua"], "renamed from moved.lua", "renamed")
    h.has(skipped(report)["unused.lua"], "no loaded module", "not loaded")
    h.eq(skipped(report)["notes.txt"], nil, "no Lua file")

    -- nothing to do
    report = ask(0, "push", "--git", "v1..v2", "b.lua")
    h.eq(report.status, "no_change", "a file that is the same in both")
    h.has(skipped(report)["b.lua"], "the same", "the same")
    h.has(skipped(ask(0, "push", "--git", "v1..v2", "nosuch.lua"))["nosuch.lua"], "neither in v1 nor in v2", "no such file")
    h.has(text(0, "push", "--git", "v2..v2").out, "nothing to do", "the same commits")

    report = ask(0, "push", "--git", "v1..v2")
    h.eq(report.status, "applied", "a push of a range")
    h.has(skipped(report)["fresh.lua"], "new in v2", "a push tells what it leaves out")
    h.eq(s:ask "return require 'a'.name(), require 'a'.hit(), require 'a'.more()", "a2\t11\tmore", "patched, state kept")

    -- verify tells v1 from v2
    report = ask(2, "verify", "--git", "v1")
    h.eq(report.status, "differs", "v1 does not run")
    local a = functions(report, "a")
    h.eq(a.hit.verdict, "differs", "hit is not v1's")
    h.eq(a.hit.origin, "patch", "hit was patched")
    h.eq(a.hit.patch, 1, "by patch 1")
    h.eq(a.more.verdict, "extra", "more is not in v1")
    h.eq(functions(report, "b").hit.verdict, "same", "b is v1's")
    h.has(text(2, "verify", "--git", "v1").out, "put by patch 1", "the text says so")
    report = ask(0, "verify", "--git", "v2")
    h.eq(functions(report, "a").more.verdict, "same", "v2 runs")
    h.has(skipped(report)["old.lua"], "not in v2", "loaded and deleted")

    -- what the program put there; another version of the file; nothing there
    s:ask "local b = require 'b'; b.hit = load('return 7', '=elsewhere'); b.name = nil"
    report = ask(2, "verify", "--git", "v1", "b.lua")
    h.eq(functions(report, "b").hit.origin, "runtime", "put by the program")
    h.eq(functions(report, "b").name.verdict, "absent", "nothing there")
    h.write(s.dir .. "/other.lua", h.module("other", 3))
    report = ask(2, "verify", "old=other.lua")
    h.eq(functions(report, "old").hit.origin, "version", "another version")
    h.eq(functions(report, "old").hit.was, s.dir .. "/old.lua:3", "where it is")

    -- stripped code is told by its code
    s:ask "local o = require 'old'; o.name = load(string.dump(o.name, true))"
    report = ask(0, "verify", "--git", "v1", "old.lua")
    h.eq(functions(report, "old").name.verdict, "same", "stripped")

    -- two modules whose functions are globals: each has its own
    h.write(s.dir .. "/g1.lua", "function first() return 1 end\n")
    h.write(s.dir .. "/g2.lua", "-- two\nfunction second() return 2 end\n")
    s:ask "require 'g1' require 'g2'"
    h.write(s.dir .. "/g2.lua", "-- two\nfunction second() return 3 end\n")
    report = ask(0, "diff", "g1=g1.lua", "g2=g2.lua")
    h.has(functions(report, "g2").second.diff, "-function second() return 2 end", "a global of the second module")
    report = ask(2, "verify", "g1=g1.lua", "g2=g2.lua")
    h.eq(functions(report, "g1").first.verdict, "same", "a global of the first module")
    h.eq(functions(report, "g2").second.origin, "version", "a global of the second module")

    -- where the server runs from a copy, the module is named; HEAD where nothing is
    h.write(s.dir .. "/copy.lua", h.module("copied"))
    git "add copy.lua"
    git "commit -qm three"
    h.write(s.dir .. "/copy.lua", h.module("copied again"))
    git "commit -qam four"
    report = ask(0, "diff", "--git", "HEAD~1..")
    h.has(skipped(report)["copy.lua"], "no loaded module", "loaded from elsewhere")
    s:ask(("package.loaded.copied = load(%q, '@elsewhere.lua')()"):format(h.module("copied")))
    report = ask(0, "push", "--git", "HEAD~1..", "copied=copy.lua")
    h.eq(report.modules[1].module, "copied", "a module that was named")
    h.eq(s:ask "return package.loaded.copied.name()", "copied again", "patched from a copy")

    -- what cannot be
    h.has(text(64, "push", "--git", "v1...v2").err, "two dots", "three dots")
    h.has(text(64, "push", "--git=--all..v2").err, "a commit, a branch or a tag", "an option for a revision")
    h.has(text(64, "verify").err, "needs a file", "nothing named")
    h.has(text(1, "push", "--git", "nosuch..v2").err, "there is no commit \"nosuch\"", "unknown revision")
    h.has(text(1, "verify", "--git", "v2", "old.lua").err, "no such version", "not in the revision")
    h.has(h.must(1, { "verify", "--pid", pid, "--git", "v1", env = "GIT_CEILING_DIRECTORIES=/" }).err, "not a git repository",
        "no repository")
    h.has(h.must(1, { "verify", "--pid", pid, "--git", "v1", cd = s.dir,
        wrap = "env PATH=/nonexistent" }).err, "cannot run git", "no git")
end)
h.done()
