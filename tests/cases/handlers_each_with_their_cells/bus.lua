local handlers = {}
return {
    on = function(f) handlers[#handlers + 1] = f end,
    fire = function(event)
        local out = {}
        for i, f in ipairs(handlers) do out[i] = f(event) end
        return out
    end,
}
