local values = { limit = 99 }
local conf = {}
function conf.get(key, default)
    local v = values[key]
    if v == nil then return default end
    return v
end
return conf
