local seen = {}
return function(x) seen[#seen + 1] = x return #seen end
