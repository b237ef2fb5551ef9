players = players or {}
max_players = 10
function join(name) players[name] = true end
function count() local n = 0 for _ in pairs(players) do n = n + 1 end return n end
