local svc = {}
function svc.first() return io.tmpfile() end
function svc.second() error("second is down") end
return svc
