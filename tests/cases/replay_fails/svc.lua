local svc = {}
local calls = 0
function svc.first() calls = calls + 1 return "first" end
function svc.second() calls = calls + 1 error("second is down") end
return svc
