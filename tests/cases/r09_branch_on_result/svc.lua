local svc = { asked = 0 }
function svc.fast() svc.asked = svc.asked + 1 return false end
return svc
