local f = require "m".f
local friend = {}
function friend.call() return f() end
function friend.set(g) f = g end
return friend
