local out = {}
function out.plain(x) return x end
function out.loud(x) return x:upper() .. "!" end
return out
