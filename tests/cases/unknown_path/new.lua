return function() return 2 end
