return { handlers = { ping = function() return "pong" end } }
