local bus = { handlers = {} }
function bus.on(name, f)
    bus.handlers[#bus.handlers + 1] = { name, f }
end
function bus.fire(name)
    for _, h in ipairs(bus.handlers) do if h[1] == name then h[2]() end end
end
return bus
