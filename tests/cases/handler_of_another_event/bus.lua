local bus = { handlers = {} }
function bus.on(name, f) bus.handlers[name] = f end
return bus
