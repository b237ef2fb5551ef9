local M = { sessions = {} }
local function on_data(s, data) s.got = (s.got or "") .. data:upper() return s.got end
function M.open(id) M.sessions[id] = { id = id, opened = true } return M.sessions[id] end
function M.feed(id, data) return on_data(M.sessions[id], data) end
return M
