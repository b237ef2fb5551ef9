local A = {}
package.loaded.a = A
local b = require "b"
local n = 0
function A.ping() n = n + 1 return n < 3 and b.pong() or "A" .. n end
return A
