local bus = { handlers = {} }
function bus.on(name, f) bus.handlers[#bus.handlers + 1] = { name = name, call = f } end
function bus.fire(name, ...)
    local out = {}
    for _, h in ipairs(bus.handlers) do
        if h.name == name then out[#out + 1] = tostring(h.call(...)) end
    end
    return table.concat(out, " ")
end
return bus
