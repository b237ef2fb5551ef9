-- From git where the work tree is not where the server's files are, as in a pipeline: the place is found, or said with --root.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
h.test(function()
    local s = h.server { modules = { a = h.module("a1"), b = h.module("b1") } }
    local pid = tostring(s.pid)
    local tree
    local function git(line)
        h.eq(os.execute(("cd %s && git -c user.name=t -c user.email=t@t %s >/dev/null 2>&1"):format(h.quote(tree), line)), true,
            "git " .. line)
    end
    local function commit(tag)
        git "add -A ."
        git("commit -qm " .. tag)
        git("tag " .. tag)
    end
    local function new_tree(name)
        tree = h.dir .. "/" .. name
        h.shell("mkdir " .. h.quote(tree))
        git "init -q ."
    end
    local function ask(exit, command, ...)
        return h.report(exit, { command, "--pid", pid, cd = tree, ... })
    end

    new_tree "checkout"
    h.write(tree .. "/a.lua", h.module("a1"))
    h.write(tree .. "/b.lua", h.module("b1"))
    commit "v1"
    h.write(tree .. "/a.lua", h.module("a2"))
    h.write(tree .. "/later.lua", "return 1\n")
    commit "v2"
    h.write(tree .. "/later.lua", "return 2\n")
    commit "v3"

    h.eq(#ask(0, "verify", "--git", "v1").modules, 2, "both are found")
    local report = ask(0, "diff", "--git", "v1..v2", "--accept", "R20")
    h.eq(report.modules[1] and report.modules[1].module, "a", "the one that changed")
    h.eq(ask(0, "push", "--git", "v1..v2", "--accept", "R20", "a.lua").status, "applied", "named by its path in the tree")
    h.eq(s:ask "return require 'a'.name()", "a2", "patched")
    h.eq(ask(2, "verify", "--git", "v1").status, "differs", "v1 does not run")
    h.eq(ask(0, "verify", "--git", "v2").status, "no_change", "v2 does")
    h.has(ask(0, "diff", "--git", "v2..v3").skipped[1].why, s.dir .. "/later.lua; if", "where it was looked for")

    -- said
    h.eq(ask(0, "verify", "--git", "v2", "--root", s.dir .. "/").status, "no_change", "the right place")
    h.has(h.must(3, { "verify", "--pid", pid, "--git", "v2", "--root", "/srv", cd = tree }).err, "below /srv", "another")
    h.eq(ask(0, "push", "--git", "v2..v1", "--root", "/srv").status, "no_change", "nothing is there")
    h.must(64, { "log", "--pid", pid, "--root", "/srv" })

    -- two places are as likely: the server's a.lua may be the one or the other
    new_tree "twice"
    h.shell("mkdir " .. h.quote(tree .. "/server1"))
    h.write(tree .. "/a.lua", h.module("a1"))
    h.write(tree .. "/server1/a.lua", h.module("a1"))
    commit "v1"
    local r = h.must(64, { "verify", "--pid", pid, "--git", "v1", cd = tree })
    h.has(r.err, "may be in " .. h.dir .. " on the server, or in " .. s.dir, "both")
    h.has(r.err, "--root DIR", "what to do")
    h.eq(ask(2, "verify", "--git", "v1", "--root", h.dir).status, "differs", "one of them")

    -- nothing in common
    new_tree "other"
    h.write(tree .. "/c.lua", "return {}\n")
    commit "v1"
    h.must(3, { "verify", "--pid", pid, "--git", "v1", cd = tree })
end)
