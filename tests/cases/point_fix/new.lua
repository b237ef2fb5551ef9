local casts
local cost
return function(self, target)
    casts = casts + 1
    return target .. ":" .. cost
end
