players = players or {}
max_players = 20
function join(name) players[name] = os.time() end
function count() local n = 0 for _ in pairs(players) do n = n + 1 end return n end
function leave(name) players[name] = nil end
