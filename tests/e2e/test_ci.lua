-- examples/ci: the steps of both workflow files, one after another as the two systems run them, over tls, with a repository of
-- its own, against real servers.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
local n = dofile(h.here .. "/network.lua")(h)
local json = dofile(h.here .. "/json.lua")
local q = h.quote
local bin = os.getenv "E2E_COMMAND":match "^(.*)/"

local function read_yaml(name)
    local text = h.shell(("%s -c %s < %s"):format(q(os.getenv "E2E_PYTHON"),
        q "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)", q(h.source .. "/examples/ci/" .. name)))
    return json.decode(text)
end

-- Runs a script in the checkout, as a runner does. Exit status, standard output and error together.
local count = 0
local function shell(checkout, env, script)
    count = count + 1
    local path = h.write("step" .. count, script)
    local words = {}
    for name, value in pairs(env) do words[#words + 1] = name .. "=" .. q(value) end
    local _, _, exit = os.execute(("cd %s && env -u HOTPATCH_DIR PATH=%s:\"$PATH\" HOME=%s %s bash --noprofile --norc -eo pipefail %s >%s.out 2>&1 </dev/null")
        :format(q(checkout), q(bin), q(h.dir), table.concat(words, " "), q(path), q(path)))
    return exit, h.read(path .. ".out")
end

-- ---- GitHub ----------------------------------------------------------------------------------------------------------

local function expand(text, context)
    return (tostring(text):gsub("%${{ *(.-) *}}", function(name)
        return context[name] or h.fail("the workflow asks for %s", name)
    end))
end

-- One job: the exit status and name of the step that ended it, what it printed, and the summary.
local function github(workflow, job, checkout, context)
    local temp = h.shell("mktemp -d " .. q(h.dir .. "/temp.XXXXXX")):gsub("\n", "")
    local env = {
        RUNNER_TEMP = temp, GITHUB_ENV = temp .. "/env", GITHUB_STEP_SUMMARY = temp .. "/summary", GITHUB_WORKSPACE = checkout,
        GITHUB_REF_NAME = context.tag, GITHUB_RUN_ID = context.run, GITHUB_RUN_ATTEMPT = "1",
        GITHUB_SERVER_URL = "https://github.example", GITHUB_REPOSITORY = "team/game",
    }
    for name, value in pairs(workflow.env) do env[name] = expand(value, context) end
    h.eq(workflow.defaults.run.shell, "bash", "the shell") -- that is: -eo pipefail
    for _, step in ipairs(workflow.jobs[job].steps) do
        if step.run then
            h.lacks(step.run, "${{", "what a stranger may write does not become part of a script")
            for line in (h.read(env.GITHUB_ENV) or ""):gmatch "[^\n]+" do
                local name, value = line:match "^([^=]+)=(.*)$"
                env[name] = value
            end
            local exit, out = shell(checkout, env, step.run)
            if exit ~= 0 then return exit, step.name, out, h.read(env.GITHUB_STEP_SUMMARY) end
        end
    end
    return 0, nil, "", h.read(env.GITHUB_STEP_SUMMARY)
end

-- ---- GitLab ----------------------------------------------------------------------------------------------------------

-- The jobs in the order of their stages until one fails: exit status and name of that one, what it printed.
local function gitlab(workflow, wanted, checkout, env)
    for name, value in pairs(workflow.variables) do env[name] = value end
    for _, stage in ipairs(workflow.stages) do
        for name, job in pairs(workflow) do
            if job.stage == stage and job.rules[1]["if"]:find(wanted, 1, true) then
                local exit, out = shell(checkout, env, table.concat(job.script, "\n"))
                if exit ~= 0 then return exit, name, out end
            end
        end
    end
    return 0
end

h.test(function()
    n.authority "a"
    n.certificate("a", "server", { name = "localhost" })
    n.certificate("a", "ci")
    local context = { ["secrets.HOTPATCH_CA"] = h.read(n.at "a.pem"), ["secrets.HOTPATCH_CERT"] = h.read(n.at "ci.pem"),
        ["secrets.HOTPATCH_KEY"] = h.read(n.at "ci.key") }
    local tls = { HOTPATCH_TLS_CA = n.at "a.pem", HOTPATCH_TLS_CERT = n.at "ci.pem", HOTPATCH_TLS_KEY = n.at "ci.key" }

    local servers, fleet = {}, { "# name, port" }
    for i = 1, 2 do
        servers[i] = n.server { ca = "a.pem", cert = "server.pem", key = "server.key", max_pause_ms = 1000 }
        servers[i]:ask "require 'm'.hit()"
        fleet[#fleet + 1] = servers[i].tls:gsub("localhost", n.tls and "localhost" or "127.0.0.1") .. " # server " .. i
    end
    local function names() return servers[1]:ask "return require 'm'.name()" .. servers[2]:ask "return require 'm'.name()" end
    local function trial(i) return (h.report(0, { "log", "--pid", servers[i].pid }).patches or { {} })[1].trial end

    -- the team's repository: v1 is what runs
    local repo = h.dir .. "/repo"
    h.shell("mkdir " .. repo)
    local function git(line)
        h.eq(os.execute(("cd %s && git -c user.name=t -c user.email=t@t -c advice.detachedHead=false %s >/dev/null 2>&1"):format(q(repo), line)), true,
            "git " .. line)
    end
    local function commit(version, text)
        h.write(repo .. "/m.lua", text)
        git "add -A ."
        git("commit -qm " .. version)
    end
    git "init -q ."
    h.write(repo .. "/fleet.txt", table.concat(fleet, "\n") .. "\n")
    h.write(repo .. "/smoke-test.sh", [[#!/bin/bash -e
for server in $(grep -o '^[a-z][^[:space:]#]*' fleet.txt); do
    hotpatch eval --to "$server" -e 'return require "m".name()' | grep -qv broken
done
]])
    h.shell("chmod +x " .. repo .. "/smoke-test.sh")
    commit("v1", h.module("one"))
    git "tag v1"

    local function checkout(revision)
        count = count + 1
        local place = h.dir .. "/builds" .. count
        git(("clone -q . %s && git -C %s checkout -q %s"):format(q(place), q(place), revision))
        return place
    end
    local function kind_changed(version)
        return (h.module(version):gsub("local total = 0", "local total = {}"):gsub("total = total %+ %d+", "total[1] = 1"))
    end

    local hub, lab = read_yaml "github-actions.yml", read_yaml "gitlab-ci.yml"
    for _, path in ipairs(lab.patch.artifacts.paths) do h.eq(path, "push.json", "what the stage `stay` gets") end
    local systems = {
        {
            review = function(place) return github(hub, "review", place, context) end,
            patch = function(place, tag, run)
                context.tag, context.run = tag, run
                return github(hub, "patch", place, context)
            end,
            first = "what runs", push = "push", check = "check",
        },
        {
            review = function(place)
                local exit, job, out = gitlab(lab, "merge_request_event", place, tls)
                return exit, job, out, h.read(place .. "/diff.txt")
            end,
            patch = function(place, tag, run)
                local env = { CI_COMMIT_TAG = tag, CI_JOB_ID = run, CI_PIPELINE_URL = "https://gitlab.example/team/game/-/pipelines/" .. run }
                for name, value in pairs(tls) do env[name] = value end
                return gitlab(lab, "$CI_COMMIT_TAG", place, env)
            end,
            first = "patch", push = "patch", check = "check",
        },
    }

    local last = "v1"
    for i, system in ipairs(systems) do
        local function tag(name) return ("v%d.%s"):format(i, name) end
        local function fails(exit, step, place, ...)
            local got, where, out = system.patch(place, ...)
            if got ~= exit or where ~= step then
                h.fail("exit %s at %s, expected %d at %s:\n%s", got, where, exit, step, out)
            end
            return out
        end
        local function succeeds(place, ...)
            local exit, where, out = system.patch(place, ...)
            if exit ~= 0 then h.fail("exit %d at %s:\n%s", exit, where, out) end
        end
        local before = names()

        -- a fix: reviewed, merged, tagged, pushed, checked, kept
        commit(tag "fix", h.module(tag "fix", 10 * i))
        local exit, where, out, shown = system.review(checkout "HEAD")
        if exit ~= 0 then h.fail("review: exit %d at %s:\n%s", exit, where, out) end
        h.has(shown, "+    total = total + " .. 10 * i, "the lines are shown")
        h.eq(names(), before, "a review changes nothing")
        git("tag " .. tag "fix")
        local place = checkout(tag "fix")
        succeeds(place, tag "fix", i .. "1")
        h.eq(names(), tag "fix" .. tag "fix", "both run it")
        h.eq(json.decode(h.read(place .. "/push.json")).status, "applied", "push.json")
        h.eq(trial(1) .. trial(2), "confirmedconfirmed", "it stays")
        h.has(h.report(0, { "log", "--pid", servers[2].pid }).patches[1].message, "https://git", "where it comes from")

        -- nothing that runs has changed: nothing is to be confirmed
        h.write(repo .. "/README", tag "docs")
        commit(tag "docs", h.module(tag "fix", 10 * i))
        git("tag " .. tag "docs")
        succeeds(checkout(tag "docs"), tag "docs", i .. "2")

        -- one that is refused: the review says so, and the job fails
        commit(tag "kind", kind_changed(tag "kind"))
        exit, where, out, shown = system.review(checkout "HEAD")
        h.eq(exit, 3, "a review of what would be refused")
        h.has(shown, "R04", "the reason is shown")
        git("tag " .. tag "kind")
        place = checkout(tag "kind")
        h.has(fails(3, system.push, place, tag "kind", i .. "3"), "1 of 2 targets failed", "the log")
        h.eq(json.decode(h.read(place .. "/push.json")).targets[2].status, "not_tried", "after the canary")
        h.eq(names(), tag "fix" .. tag "fix", "nothing changed")

        -- one that the check finds broken: not confirmed, so on trial; what runs is not that tag for the next job
        git("reset -q --hard " .. tag "docs")
        git("tag -d " .. tag "kind")
        commit(tag "broken", h.module(tag "broken", 10 * i))
        git("tag " .. tag "broken")
        place = checkout(tag "broken")
        fails(1, system.check, place, tag "broken", i .. "4")
        h.eq(trial(1) .. trial(2), "provisionalprovisional", "nobody confirms")
        fails(2, system.first, place, tag "broken", i .. "5")
        for _, s in ipairs(servers) do h.must(0, { "revert", "--pid", s.pid }) end -- we do not wait for 15 minutes
        git("reset -q --hard " .. tag "docs")
        git("tag -d " .. tag "broken")
    end
    h.eq(servers[1]:ask "return require 'm'.hit()", "21", "state through all of it")
end)
