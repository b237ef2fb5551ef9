-- 6,000 rooms, each with closures of its own over its own state: more objects than fit into the first page of anything that
-- keeps them. All of them get the new code, none of them another's state; and all of it again, for what the first request left
-- behind is cleared beside the next.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")

local ROOMS = 6000

local function module(times)
    return ([[
local R, total = { all = {} }, 0
function R.new(name)
    local count = 0
    local room = { name = name }
    room.join = function(n) count = count + %d * n total = total + n return count end
    room.count = function() return count end
    R.all[#R.all + 1] = room
    return room
end
function R.total() return total end
return R
]]):format(times)
end

h.test(function()
    local s = h.server { name = "rooms", modules = { room = module(1) } }
    local pid = tostring(s.pid)
    s:ask(([[
        local room = require "room"
        for i = 1, %d do
            local r = room.new("room " .. i)
            r.join(i)
            if i %% 3 == 0 then listeners = listeners or {} listeners[#listeners + 1] = r.join end
        end]]):format(ROOMS))
    local function check(times, before, what) -- each listener joins once more; its room and no other has `times` more
        h.eq(s:ask(([[
            local times, before = %d, %d
            for i, join in ipairs(listeners) do
                local now = join(1)
                if now ~= 3 * i + before + times then return "room " .. 3 * i .. " has " .. now end
            end
            for i, r in ipairs(require "room".all) do
                local expected = i + (i %% 3 == 0 and before + times or 0)
                if r.count() ~= expected then return "room " .. i .. " counts " .. r.count() end
            end
            return "right"]]):format(times, before)), "right", what)
    end
    check(1, 0, "before")
    h.write("two.lua", module(2))

    local sum = 1
    for round = 1, 2 do
        local diff = h.report(0, { "diff", "--pid", pid, "--accept", "R20", "--timeout", "60", "room=two.lua" })
        h.eq(diff.status, "planned", "diff")
        h.eq(diff.instances, ROOMS, "instances of the diff")
        local push = h.report(0, { "push", "--pid", pid, "--accept", "R20", "--timeout", "60", "room=two.lua" })
        h.eq(push.instances, ROOMS, "instances")
        h.eq(push.references.table, ROOMS + ROOMS // 3, "references in tables")
        check(2, sum, "after push " .. round)
        sum = sum + 2
        h.eq(h.report(0, { "revert", "--pid", pid, "--accept", "R20", "--timeout", "60" }).status, "reverted", "revert")
        check(1, sum, "after revert " .. round)
        sum = sum + 1
    end
end)
