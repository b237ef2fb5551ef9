local bus = { handlers = {} }
function bus.on(event, handler) bus.handlers[event] = handler end
return bus
