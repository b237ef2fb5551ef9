local B = {}
function B.f() return 1 end
return B
