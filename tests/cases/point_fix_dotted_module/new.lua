local n
return function() return n * 2 end
