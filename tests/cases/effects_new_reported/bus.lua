local bus = { handlers = {} }
function bus.on(name, f)
    bus.handlers[#bus.handlers + 1] = { name, f }
end
return bus
