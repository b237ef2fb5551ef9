return {
    doc = "a debug hook of the program stays, and is not called for what hotpatch does itself",
    again = false,
    before = function(m, t)
        t.note.count = 0
        t.note.hook = function() t.note.count = t.note.count + 1 end
        debug.sethook(t.note.hook, "", 1000000)
    end,
    after = function(m, t)
        local f, mask, count = debug.gethook()
        t.ok(f == t.note.hook and mask == "" and count == 1000000, "the hook")
        debug.sethook()
    end,
    revert = false,
}
