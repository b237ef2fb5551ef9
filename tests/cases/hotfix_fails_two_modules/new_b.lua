local B = {}
function B.f() return 2 end
function B.__hotfix() local x = nil; return x.y end
return B
