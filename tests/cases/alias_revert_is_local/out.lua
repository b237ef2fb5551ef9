return { plain = function(x) return x end, loud = function(x) return x:upper() end }
