local B = {}
package.loaded.b = B
local a = require "a"
local n = 0
function B.pong() n = n + 1 return a.ping() end
function B.n() return n end
return B
