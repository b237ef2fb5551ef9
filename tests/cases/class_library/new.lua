local class = require "class"
local Account = class("Account")
function Account:init(n) self.n = n end
function Account:deposit(x) assert(x > 0, "positive") self.n = self.n + x return self.n end
function Account:withdraw(x) self.n = self.n - x return self.n end
return Account
