local svc = { n = 10, opened = 0 }
function svc.next() svc.n = svc.n + 1 return svc.n end
function svc.open(x) svc.opened = svc.opened + 1 return { title = x .. x } end
return svc
