local svc = { opened = {} }
function svc.open(x) svc.opened[#svc.opened + 1] = x return { name = x } end
return svc
