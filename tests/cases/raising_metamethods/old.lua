local function bad() error "metamethod ran" end
local M = {}
local guarded = setmetatable({ n = 1 }, { __index = bad, __newindex = bad, __eq = bad, __len = bad, __call = bad,
    __pairs = bad, __tostring = bad, __name = "guarded", __lt = bad, __concat = bad })
M.guarded = guarded
function M.n() return rawget(guarded, "n") end
setmetatable(M, { __index = bad, __newindex = bad, __pairs = bad })
return M
