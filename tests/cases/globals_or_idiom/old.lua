Battle = Battle or {}
Battle.rounds = Battle.rounds or 0
Battle.config = Battle.config or { speed = 1 }
function Battle.tick() Battle.rounds = Battle.rounds + 1 return Battle.rounds end
function Battle:who() return self == Battle end
