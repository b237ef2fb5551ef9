local sessions
return function() return "up:" .. #sessions end
