return { print = function() end }
