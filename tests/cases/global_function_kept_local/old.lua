local total = 0
function add(n) total = total + n return total end
local function secret() return total end
function peek() return secret() end
