local util = { loads = (util_loads or 0) + 1 }
util_loads = util.loads
function util.wrap(x) return "<" .. x .. ">" end
return util
