local n
return function() n = n + 5 return n end
