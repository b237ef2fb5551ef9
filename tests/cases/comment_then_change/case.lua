return {
    doc = "after a push that moved lines of functions it left alone, the pushed text serves as the base of the next",
    before = function(m) m.f() end,
    expect = { functions = { g = "added" } },
    after = function(m, t)
        local report = t.push([[
-- one line more
-- and one more
local M = {}
local n = 0
function M.f() n = n + 10 return n end
function M.g() return "G" end
return M
]])
        t.eq(report.status, "applied", "second push")
        t.eq(report.modules[1].base, "pushed", "its base")
        t.eq(#report.warnings, 0, "no doubts")
        t.eq(m.f(), 11, "code and state")
        t.eq(m.g(), "G", "code")
        t.eq(t.hotpatch.revert().status, "reverted", "second push taken back")
        t.eq(m.g(), "g", "as after the first push")
    end,
}
