return { Skill = { cast = function() return 1 end } }
