local A = {}
function A.f() return 1 end
return A
