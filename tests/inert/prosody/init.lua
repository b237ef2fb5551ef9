-- For LUA_INIT: records what the process loads from its first line on. mod_inert.lua finds both as globals, for Prosody's
-- `require` does not look where they are.
inert_recorder = require "inert"
inert_loads = require "loads"
inert_recorder.start()

-- Prosody copies the hook of the one coroutine to the other, which Lua's library cannot do for a hook in C; it is inherited.
inert_sethook = debug.sethook
function debug.sethook(thread, hook, ...)
    if hook ~= "external hook" then
        return inert_sethook(thread, hook, ...)
    end
end
