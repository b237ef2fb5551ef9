local A = {}
function A.f() return 2 end
return A
