local util = {}
function util.helper(x) return x + 100 end
return util
