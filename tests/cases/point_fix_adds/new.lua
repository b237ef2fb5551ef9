local power
return function() return power * 2 end
