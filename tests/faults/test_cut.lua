-- The connection is cut at a byte of the request, or of the answer: the patch is wholly there or not at all, the client says that
-- it does not know, and asking again with the same id does what is left to do, once.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/faults.lua")
h.test(function()
    local s = h.server { modules = { m = h.versioned(0) } }
    local pid = tostring(s.pid)
    local relay = h.relay(s)
    local version = 0
    local patches = 0

    local function through_relay(exit)
        version = version + 1
        local id = ("cut-%04d"):format(version)
        return h.report(exit, h.push_args(version, id, "--to", relay.url)), id
    end
    local function again(id) return h.report(0, h.push_args(version, id, "--pid", pid)) end

    relay:cut ""
    h.eq(through_relay(0).status, "applied", "the relay as such")
    patches = h.whole(s, version, "the relay as such")
    local frame = #relay:push(1)
    h.ok(frame > 200, "a push has some bytes: " .. frame)

    local function cut(where, arrives)
        local what = "cut at " .. where
        relay:cut(where)
        local report, id = through_relay(70)
        h.eq(report.status, "uncertain", what)
        h.eq(report.id, id, what .. ": its id")
        h.has(report.error.text, "wholly or not at all", what)
        if arrives then -- its first answer is there, or comes
            local answer = again(id)
            h.eq(answer.status, "applied", what .. ": the first answer")
            h.eq(h.whole(s, version, what), patches + 1, what .. ": patches")
            h.eq(again(id).patch, answer.patch, what .. ": the same answer each time")
        else
            h.eq(h.whole(s, version - 1, what), patches, what .. ": nothing of it came")
            h.eq(again(id).status, "applied", what .. ": done when asked again")
        end
        patches = patches + 1
        h.eq(h.whole(s, version, what), patches, what .. ": done once")
    end

    -- the greeting alone; a part of the length, all of it; a part of the header, all of it; the body
    for _, bytes in ipairs { 8, 9, 16, 17, 19, 21, frame // 2, frame - 1 } do
        cut("up " .. bytes, false)
    end
    cut("up " .. frame, true)
    for _, bytes in ipairs { 0, 1, 9, 12, 13, 100 } do
        cut("down " .. bytes, true)
    end

    relay:cut ""
    h.eq(through_relay(0).status, "applied", "the agent goes on serving")
    h.whole(s, version, "at the end")
    h.eq(s:ask("return select(2, require 'm'.a()) > 30"), "true", "the state was kept through all of it")
end)
