local A = {}
function A.helper(x) return x + 1 end
function A.f(x) return A.helper(x) end
return A
