return {
    doc = "a patch may be made from any coroutine, and from a callback of a C function",
    after = function(m, t)
        local function spec(step)
            return { module = "m", file = "m.lua",
                     source = ("local M = {}\nlocal n = 0\nfunction M.f() n = n + %d return n end\nreturn M\n"):format(step) }
        end
        local co = coroutine.wrap(function() coroutine.yield(t.hotpatch.patch(spec(20)).status) return m.f() end)
        t.eq(co(), "applied", "in a coroutine")
        t.eq(co(), 20, "which goes on")
        local status
        table.sort({ 1, 2 }, function(a, b) status = status or t.hotpatch.patch(spec(30)).status return a < b end)
        t.eq(status, "applied", "in a callback of table.sort")
        local nested = t.hotpatch.patch { module = "m", file = "m.lua", source = [[
            local M = {}
            local n = 0
            function M.f() n = n + 40 return n end
            function M.__hotfix() nested_status = select(2, pcall(require "hotpatch".patch, { module = "m", source = "return {}" })) end
            return M]] }
        t.eq(nested.status, "applied", "with a patch inside a patch")
        t.ok(type(nested_status) ~= "table" or nested_status.status == "busy", "which is not run: the agent is active")
        nested_status = nil
        t.eq(m.f(), 60, "code and state")
        t.eq(t.hotpatch.revert { accept = { "R19" } }.status, "reverted", "one")
        t.eq(t.hotpatch.revert().status, "reverted", "two")
        t.eq(t.hotpatch.revert().status, "reverted", "three")
    end,
    revert = function(m, t) t.eq(m.f(), 61, "the first code") end,
}
