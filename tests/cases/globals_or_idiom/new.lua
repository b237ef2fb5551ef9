Battle = Battle or {}
Battle.rounds = Battle.rounds or 0
Battle.config = Battle.config or { speed = 1 }
Battle.seen = Battle.seen or {}
function Battle.tick() Battle.rounds = Battle.rounds + 2 return Battle.rounds end
function Battle:who() return self == Battle end
function Battle.reset() Battle.rounds = 0 end
