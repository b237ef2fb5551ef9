local util = {}
function util.wrap(x) return "<" .. x .. ">" end
return util
