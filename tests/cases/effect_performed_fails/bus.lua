return { on = function(name) error("no such event: " .. name) end }
