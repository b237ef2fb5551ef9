local nowhere
return function() return nowhere == nil and "nil" end
