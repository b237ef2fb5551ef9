local class = require "class"
local Account = class("Account")
function Account:init(n) self.n = n end
function Account:deposit(x) self.n = self.n + x return self.n end
return Account
