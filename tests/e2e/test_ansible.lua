-- The Ansible role: what is changed and what has failed, told truthfully; check mode; waves of servers over tls.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
local n = dofile(h.here .. "/network.lua")(h)
local decode = dofile(h.here .. "/json.lua").decode
local PYTHON = os.getenv "E2E_PYTHON" or "/usr/bin/python3" -- Debian's, whose ansible it is
local ROLES = h.source .. "/ansible/roles"
local command = os.getenv "E2E_COMMAND"

local function json(value)
    if type(value) ~= "table" then return type(value) == "string" and ('"' .. value:gsub('[\\"]', "\\%0") .. '"') or tostring(value) end
    local parts = {}
    for _, v in ipairs(value) do parts[#parts + 1] = json(v) end
    if #parts > 0 then return "[" .. table.concat(parts, ",") .. "]" end
    for k, v in pairs(value) do parts[#parts + 1] = json(k) .. ":" .. json(v) end
    return "{" .. table.concat(parts, ",") .. "}"
end

local environment = ("HOTPATCH_DIR=%s HOTPATCH_ONLY=1 HOME=%s LC_ALL=C.UTF-8 ANSIBLE_NOCOLOR=1 ANSIBLE_PIPELINING=1 ANSIBLE_ROLES_PATH=%s")
    :format(h.quote(h.rundir), h.quote(h.dir), h.quote(ROLES))

local runs = 0
local function shell(line)
    runs = runs + 1
    local base = h.dir .. "/ansible" .. runs
    local _, _, exit = os.execute(("cd %s; %s timeout -k 5 600 %s >%s.out 2>%s.err </dev/null"):format(
        h.quote(h.dir), environment, line, base, base))
    return exit, h.read(base .. ".out"), h.read(base .. ".err")
end

-- The module alone, as Ansible would run it on the host: what it gives.
local function task(options)
    options.executable = options.executable or command
    local exit, out, err = shell(("%s %s/hotpatch/library/hotpatch.py %s"):format(PYTHON, h.quote(ROLES),
        h.write("args.json", json { ANSIBLE_MODULE_ARGS = options })))
    local ok, result = pcall(decode, out)
    if not ok then h.fail("no result, exit %s: %s%s", tostring(exit), out, err) end
    return result
end
local function changed(options, words)
    local r = task(options)
    h.eq(r.failed, nil, r.msg)
    h.eq(r.changed, true, r.msg)
    h.has(r.msg, words, "msg")
    return r
end
local function unchanged(options, words)
    local r = task(options)
    h.eq(r.failed, nil, r.msg)
    h.eq(r.changed, false, r.msg)
    h.has(r.msg, words, "msg")
    return r
end
local function failed(status, options, words)
    local r = task(options)
    h.eq(r.failed, true, r.msg)
    h.eq(r.status, status, r.msg)
    h.eq(r.changed, status == "rolled_back" or status == "uncertain", "changed, of a failure")
    h.has(r.msg, words, "msg")
    return r
end

local function script(name, text)
    local path = h.write(name, "#!/bin/sh\n" .. text .. "\n")
    os.execute("chmod +x " .. h.quote(path))
    return path
end

-- What a push takes, the module takes and documents, and the role too: but what Ansible does itself, and what a file has.
local function nothing_is_missing()
    local beside = { targets = 1, canary = 1, batch = 1, ["max-fail"] = 1, format = 1, quiet = 1, progress = 1, help = 1, id = 1,
        module = 1, base = 1, signature = 1 }
    local here = {
        module = h.read(ROLES .. "/hotpatch/library/hotpatch.py"),
        role = h.read(ROLES .. "/hotpatch/meta/argument_specs.yml"),
        tasks = h.read(ROLES .. "/hotpatch/tasks/main.yml") .. h.read(ROLES .. "/hotpatch/tasks/push.yml"),
    }
    for option in h.must(0, { "help", "push" }).out:gmatch "%-%-([a-z-]+)" do
        local name = option:gsub("-", "_"):gsub("^function$", "functions")
        if not beside[option] then
            h.has(here.module, "\n  " .. name .. ":", "the module's documentation, for --" .. option)
            h.has(here.tasks, " " .. name .. ": \"{{ hotpatch_", "the role's tasks, for --" .. option)
            h.ok(here.role:find("\n      hotpatch_" .. name .. ":", 1, true) or here.role:find("\n          " .. name .. ":", 1, true),
                "the role's variables have --" .. option)
        end
    end
end

local function module_alone()
    local s = h.server { modules = { m = h.module("one", 1) } }
    local function name() return s:ask "return require 'm'.name()" end
    local function with(options, file)
        options.pid = s.pid
        options.accept = { "R20" }
        if file then options.files = { { module = "m", file = file } } end
        return options
    end
    h.write("broken.lua", "local M = {\nreturn M\n")
    h.write("hook.lua", (h.module("hook"):gsub("return M\n$", "function M.__hotfix() error 'not today' end\nreturn M\n")))

    -- looked at, done, done already
    local r = changed(with({ _ansible_check_mode = true, _ansible_diff = true }, "two.lua"), "would patch 2 functions: m.hit, m.name")
    h.eq(r.status .. r.exit, "planned2", "diff --exit-code")
    h.has(r.diff.prepared, '+function M.name() return "two" end', "--diff")
    h.eq(name(), "one", "check mode changes nothing")
    r = changed(with({ message = "costs $HOME", confirm_within = "1h" }, "two.lua"), "applied provisional patch 1, 2 functions")
    h.eq(r.patch, 1, "patch")
    h.eq(r.report.status, "applied", "report")
    h.eq(name(), "two", "pushed")
    h.eq(h.report(0, { "log", "--pid", s.pid }).patches[1].message, "costs $HOME", "as it was written")
    unchanged(with({}, "two.lua"), "nothing to do") -- also while it is provisional
    unchanged(with({ _ansible_check_mode = true }, "two.lua"), "nothing to do")

    -- confirmed; confirmed already; too late
    changed(with { command = "confirm", _ansible_check_mode = true }, "would confirm patch 1")
    failed("refused", with { command = "confirm", patch = 7 }, "patch 7 is not in the log")
    changed(with { command = "confirm", patch = 1 }, "patch 1 is confirmed")
    unchanged(with { command = "confirm", patch = 1 }, "for good already")
    unchanged(with { command = "confirm" }, "no patch is provisional")
    unchanged(with({ command = "verify" }, "two.lua"), "what runs is what the source says")
    failed("differs", with({ command = "verify" }, "three.lua"), "2 functions: m.hit, m.name")

    -- taken back
    h.eq(changed(with { command = "revert", _ansible_check_mode = true }, "would revert patch 1").patch, 1, "which")
    h.eq(name(), "two", "check mode changes nothing")
    changed(with { command = "revert", patch = 1 }, "reverted patch 1")
    unchanged(with { command = "revert", patch = 1 }, "nothing to revert")
    h.eq(name(), "one", "reverted")
    changed(with({ confirm_within = "0.2s" }, "two.lua"), "provisional patch 2")
    h.until_("the agent reverts it", function() return h.report(0, { "log", "--pid", s.pid }).patches[1].trial == "expired" end)
    failed("refused", with { command = "confirm", patch = 2 }, "patch 2 is no longer there: nobody confirmed it in time")

    -- taken back by its guard
    h.write("worse.lua", (h.module("worse"):gsub("return total", "error 'worse'")))
    changed(with({ confirm_within = "1h", guard = "errors<1" }, "worse.lua"), "provisional patch 3")
    s:ask "pcall(require 'm'.hit)"
    h.until_("its guard reverts it", function() return h.report(0, { "log", "--pid", s.pid }).patches[1].trial == "guard" end)
    h.has(failed("refused", with { command = "confirm", patch = 3 }, "its guard was broken (errors<1), 1 of 1 calls").msg, "worse",
        "the error")

    -- what is not done, and why
    for _, check in ipairs { false, true } do
        failed("refused", with { _ansible_check_mode = check, files = { { module = "m", file = "three.lua", base = "two.lua" } } },
            "R16 hit: the live hit is not the one of the base")
        failed("load_failed", with({ _ansible_check_mode = check }, "broken.lua"), "broken.lua:2: ")
    end
    failed("rolled_back", with({}, "hook.lua"), "not today")
    h.eq(name(), "one", "nothing changed")
    failed("unreachable", { to = "ipc:///nowhere.sock", files = { { module = "m", file = "two.lua" } } }, "cannot be reached")
    failed("usage", with({ timeout = -1 }, "two.lua"), "hotpatch help diff")
    h.has(task(with {}).msg, "any of the following are missing: files, git", "nothing to push")
    h.has(task(with({ chdir = "/nowhere" }, "two.lua")).msg, "/nowhere", "chdir")
    h.has(task(with({ executable = "no-such-command" }, "two.lua")).msg, "no-such-command", "executable")
    failed("failed", with({ executable = script("silent", "exit 9") }, "two.lua"), "ended with 9 and said nothing")

    -- the answer to the push is lost, and asked for again: nothing runs twice
    local lossy = script("lossy", ([[
%s "$@" >%s/answer
status=$?
case $1-$(cat %s/lost 2>/dev/null) in
push-) echo yes >%s/lost; echo '{"status":"uncertain"}'; exit 70;;
esac
cat %s/answer
exit $status]]):format(command, h.dir, h.dir, h.dir, h.dir))
    changed(with({ executable = lossy }, "two.lua"), "applied patch 4")
    h.eq(h.read(h.dir .. "/lost"), "yes\n", "it was lost")
    h.eq(#h.report(0, { "log", "--pid", s.pid }).patches, 4, "patches")
    os.remove(h.dir .. "/lost")
    local gone = script("gone", ('[ $1 = diff ] && exec %s "$@"; echo \'{"status":"uncertain","error":{"text":"lost"}}\'; exit 70')
        :format(command))
    failed("uncertain", with({ executable = gone }, "three.lua"), "lost")
    s:quit()
end

-- ---- the role, by ansible-playbook -----------------------------------------------------------------------------------

-- r.exit, r.out; r[host]: its line of the recap, as numbers by name
local function playbook(line)
    local exit, out, err = shell("ansible-playbook " .. line)
    local r = { exit = exit, out = out .. err }
    for host, counts in out:gmatch "\n(%w+) +: ([^\n]*)" do
        r[host] = {}
        for what, number in counts:gmatch "(%w+)=(%d+)" do r[host][what] = tonumber(number) end
    end
    return r
end
local function recap(r, host, counts)
    if not r[host] then h.fail("%s is not in the recap:\n%s", host, r.out) end
    for what, number in pairs(counts) do
        if r[host][what] ~= number then h.fail("%s: %s=%s, expected %d:\n%s", host, what, r[host][what], number, r.out) end
    end
end

-- Three servers that run v1, from a copy of a repository whose v2 changes their module; example.yml, as it is.
local function waves()
    n.authority "a"
    n.certificate("a", "server", { name = "localhost" })
    n.certificate("a", "ci")
    h.write("work/m.lua", h.module("one", 1))
    local function git(line)
        if not os.execute(("cd %s/work && git -c user.name=t -c user.email=t@t %s >/dev/null 2>&1"):format(h.dir, line)) then
            h.fail("git %s failed", line)
        end
    end
    git "init -q ."
    git "add m.lua"
    git "commit -qm one"
    git "tag v1"
    h.write("work/m.lua", h.module("two", 2))
    h.write("work/unused.lua", "return {}\n")
    git "add unused.lua"
    git "commit -qam two"
    git "tag v2"

    local servers, hosts = {}, {}
    for i = 1, 3 do
        servers[i] = n.server { ca = "a.pem", cert = "server.pem", key = "server.key" }
        hosts[i] = ("g%d hotpatch_to=%s"):format(i, servers[i].tls)
    end
    local function names()
        local all = {}
        for i, s in ipairs(servers) do all[i] = s:ask "return require 'm'.name()" end
        return table.concat(all, " ")
    end
    h.write("inventory", ("[game]\n%s\n[game:vars]\nansible_connection=local\nansible_python_interpreter=%s\n"):format(
        table.concat(hosts, "\n"), PYTHON))
    h.write("well.yml", "- name: Its name is known\n  ansible.builtin.assert: { that: hotpatch_pushed.msg is defined }\n")
    h.write("vars.json", json { running = "v1", release = "v2", hotpatch_executable = command, hotpatch_chdir = h.dir .. "/work",
        hotpatch_options = { accept = { "R20" } },
        hotpatch_tls_ca = n.at "a.pem", hotpatch_tls_cert = n.at "ci.pem", hotpatch_tls_key = n.at "ci.key",
        hotpatch_check_tasks = h.dir .. "/well.yml" })
    local function example(options)
        return playbook(("-i inventory -e @vars.json %s %s"):format(options or "", h.quote(h.source .. "/ansible/example.yml")))
    end

    -- what would it do?
    local r = example "--check --diff --limit g1,g2"
    h.eq(r.exit, 0, r.out)
    for i = 1, 2 do recap(r, "g" .. i, { changed = 1, failed = 0 }) end
    h.has(r.out, '+function M.name() return "two" end', "the lines that change")
    h.has(r.out, "would patch 2 functions: m.hit, m.name; left out: unused.lua (new in v2:", "what is left out, and why")
    h.eq(names(), "one one one", "check mode changes nothing")

    -- the second refuses: the third is not tried, and nothing is confirmed
    local by_hand = h.report(0, { "push", "--pid", servers[2].pid, "--accept", "R20", "m=three.lua" }).patch
    r = example()
    h.ok(r.exit ~= 0, "it fails")
    recap(r, "g1", { changed = 1, failed = 0 })
    recap(r, "g2", { changed = 0, failed = 1 })
    h.eq(r.g3, nil, "not tried")
    h.has(r.out, "refused: R16 hit: the live hit is not the one of the base", "the refusal")
    h.eq(names(), "two three one", "the first alone")
    h.eq(h.report(0, { "status", "--pid", servers[1].pid }).provisional.patch, 1, "the first is on trial")

    -- mended, and again: the first has it, all are confirmed and verified
    h.must(0, { "revert", "--pid", servers[2].pid, "--accept", "R20", tostring(by_hand) })
    r = example()
    h.eq(r.exit, 0, r.out)
    recap(r, "g1", { changed = 1 }) -- confirmed
    for i = 2, 3 do recap(r, "g" .. i, { changed = 2, failed = 0 }) end
    h.eq(names(), "two two two", "all of them")
    for _, s in ipairs(servers) do
        h.eq(h.report(0, { "log", "--pid", s.pid }).patches[1].trial, "confirmed", "log")
    end
    for _, s in ipairs(servers) do s:quit() end
end

-- The role by itself, on the machine of the servers: files that come from here, and a check that fails.
local function on_the_host()
    local well = h.server { name = "well", modules = { m = h.module("one", 1) } }
    local ill = h.server { name = "ill", modules = { m = h.module("one", 1) } }
    local function names() return well:ask "return require 'm'.name()" .. " " .. ill:ask "return require 'm'.name()" end
    -- one that takes signed bundles only
    for _, key in ipairs { "ci", "anna" } do h.shell(("cd %s && minisign -G -W -s %s.sec -p %s.pub"):format(h.dir, key, key)) end
    local sealed = h.server { modules = { m = h.module("one", 1) }, setup = ([[return { modules = { "m" },
        start = { name = "sealed", trust = { keys = { %q, { key = %q, name = "anna" } }, need = 2, state = %q } } }]]):format(
        h.dir .. "/ci.pub", h.dir .. "/anna.pub", h.dir .. "/series") }
    h.write("hosts", ("well hotpatch_name=well\nill hotpatch_name=ill\nsealed hotpatch_name=sealed\n[all:vars]\nansible_connection=local\n" ..
        "ansible_python_interpreter=%s\nhotpatch_executable=%s\n"):format(PYTHON, command))
    h.write("files/two.lua", h.module("two", 2))
    h.write("check.yml", "- name: Who are you?\n  ansible.builtin.assert: { that: inventory_hostname != 'ill', fail_msg: it is ill }\n")
    h.write("push.yml", ([[
- hosts: well:ill
  gather_facts: false
  max_fail_percentage: 0
  roles:
    - role: hotpatch
      hotpatch_files: [{ module: m, src: two.lua }]
      hotpatch_options: { accept: [R20] }
      hotpatch_confirm_within: 1h
      hotpatch_check_tasks: %s/check.yml
- hosts: well:ill
  gather_facts: false
  roles:
    - { role: hotpatch, hotpatch_command: confirm }
]]):format(h.dir))
    local r = playbook "-i hosts push.yml"
    h.eq(r.exit, 2, r.out)
    recap(r, "well", { changed = 1, failed = 0 })
    recap(r, "ill", { failed = 1 })
    h.has(r.out, 'the patch was taken back, because a check failed: Who are you? (it is ill)', "why")
    h.eq(names(), "two one", "taken back")
    h.ok(h.report(0, { "status", "--pid", well.pid }).provisional, "one has failed: nothing is confirmed")
    h.must(0, { "confirm", "--pid", well.pid })

    -- a bundle with its signatures, brought from here too
    h.must(0, { "bundle", "-o", "files/fix.hotpatch", "--base", "m=one.lua", "m=three.lua" })
    h.must(0, { "sign", "-k", "ci.sec", "files/fix.hotpatch" })
    h.must(0, { "sign", "-k", "anna.sec", "-o", "files/anna.minisig", "files/fix.hotpatch" })
    h.write("bundle.yml", ([[
- hosts: sealed
  gather_facts: false
  tasks:
    - block:
        - include_role: { name: hotpatch }
          vars: { hotpatch_files: [{ src: fix.hotpatch }] }
      rescue:
        - assert: { that: ["'1 of the keys' in ansible_failed_result.msg", hotpatch_pushed.status == 'denied'] }
    - include_role: { name: hotpatch }
      vars: { hotpatch_files: [{ src: fix.hotpatch, signatures: [anna.minisig] }] }
    - assert: { that: [hotpatch_pushed.patch == 1, "'anna' in hotpatch_pushed.report.signed_by"] }
    - include_role: { name: hotpatch }
      vars: { hotpatch_command: verify, hotpatch_files: [{ file: %s/files/fix.hotpatch }] }
    - include_role: { name: hotpatch }
      vars: { hotpatch_command: revert }
]]):format(h.dir))
    r = playbook "-i hosts bundle.yml"
    h.eq(r.exit, 0, r.out)
    recap(r, "sealed", { changed = 2, rescued = 1 })
    h.eq(sealed:ask "return require 'm'.name()", "one", "pushed and reverted")

    -- an option that there is not
    h.write("wrong.yml", "- hosts: well\n  gather_facts: false\n  roles:\n    - { role: hotpatch, hotpatch_options: { purge: true } }\n")
    r = playbook "-i hosts wrong.yml"
    h.eq(r.exit, 2, r.out)
    h.has(r.out, "purge", "which option")
    h.eq(h.shell("ls " .. h.dir .. "/.ansible/tmp"), "", "nothing is left behind")
    well:quit()
    ill:quit()
    sealed:quit()
end

h.test(function()
    if h.shell("command -v ansible-playbook") == "" or h.shell("command -v minisign") == "" then
        print "skipped: there is no ansible-playbook, or no minisign"
        return
    end
    os.execute(("mkdir -p %s/work %s/files"):format(h.dir, h.dir))
    h.write("one.lua", h.module("one", 1))
    h.write("two.lua", h.module("two", 2))
    h.write("three.lua", h.module("three", 3))
    nothing_is_missing()
    module_alone()
    waves()
    on_the_host()
end)
