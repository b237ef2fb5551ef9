-- A module of 2,000 functions, all changed: what people read of it takes no longer than what programs read.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")

local COUNT = 2000

local function module(edition)
    local lines = { "local M, calls, limit = {}, 0, 10", "local function clamp(v) return math.min(limit, v) end" }
    for i = 1, COUNT do
        lines[#lines + 1] = ("function M.f%d(v)\n  calls = calls + 1\n  return clamp(v) + %d\nend"):format(i, i + edition)
    end
    lines[#lines + 1] = "function M.calls() return calls end\nreturn M\n"
    return table.concat(lines, "\n")
end

-- The lines of a page that match.
local function count(page, pattern)
    local n = 0
    for _ in page:gmatch(pattern) do n = n + 1 end
    return n
end

h.test(function()
    local s = h.server { name = "large", modules = { m = module(0) } }
    local pid = tostring(s.pid)
    s:ask("return require 'm'.f1(3)")
    h.write("new.lua", module(1))

    local diff = h.must(0, { "diff", "--pid", pid, "--accept", "R20", "m=new.lua" }).out
    h.eq(count(diff, "\n  ~ f%d+ +replaced"), COUNT, "functions in the diff")
    h.eq(count(diff, "\n      = joined +[^\n]*calls"), COUNT, "a line of joined upvalues for each")
    h.eq(count(diff, "\n *%-  return clamp%(v%) %+ %d+\n *%+  return clamp%(v%) %+ %d+"), COUNT, "changed lines")
    h.has(diff, ("%d functions, "):format(COUNT), "the sum")
    h.eq(s:ask("return require 'm'.f1(3)"), "4", "nothing has changed")

    local push = h.must(0, { "push", "--pid", pid, "--accept", "R20", "m=new.lua" }).out
    h.eq(count(push, "\n  ~ f%d+ +replaced"), COUNT, "functions of the push")
    h.eq(s:ask("return require 'm'.f1(3), require 'm'.f2000(3), require 'm'.calls()"), "5\t2004\t4", "after it")

    h.eq(count(h.must(0, { "inspect", "--pid", pid, "m" }).out, "\n *f%d+ "), COUNT, "functions of inspect")
    h.must(0, { "verify", "--pid", pid, "m=new.lua" })
    h.must(0, { "revert", "--pid", pid, "--accept", "R20" })
    h.eq(s:ask("return require 'm'.f1(3), require 'm'.calls()"), "4\t5", "reverted")
end)
