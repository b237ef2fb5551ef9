local n
return function() return n end
