local svc = { n = 0, started = 0 }
function svc.next() svc.n = svc.n + 1 return svc.n end
function svc.start() svc.started = svc.started + 1 end
return svc
