local out = {}
function out.plain(x) return x end
function out.loud(x) return x:upper() .. "!" end
function out.file(x) return "file:" .. x end
return out
