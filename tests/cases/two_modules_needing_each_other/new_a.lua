local A = {}
package.loaded.a = A
local b = require "b"
local n = 0
function A.ping() n = n + 1 return n < 6 and b.pong() or "new A" .. n end
return A
