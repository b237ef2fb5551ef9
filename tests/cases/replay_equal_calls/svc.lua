local svc = { n = 0 }
function svc.next() svc.n = svc.n + 1 return svc.n end
return svc
