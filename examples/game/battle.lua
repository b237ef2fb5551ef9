-- Blows and what they do.
local timers = require "timers"

local battle = { VERSION = "1.0" }

local strikes = 0 -- since the server started
local wounded = {} -- players who need rest, by name

local function damage(attack, armour)
  return attack - armour
end

function battle.strike(player, monster)
  local done = damage(player.attack, monster.armour)
  strikes = strikes + 1
  monster.hp = monster.hp - done
  if monster.hp <= 0 then
    player.room.monsters[monster.name] = nil
    player.gold = player.gold + monster.gold
    return ("You slay the %s and find %d gold."):format(monster.name, monster.gold)
  end
  player.hp = math.max(1, player.hp - 1)
  wounded[player.name] = player
  return ("You hit the %s for %d; it has %d hp left."):format(monster.name, done, monster.hp)
end

function battle.strikes()
  return strikes
end

-- Rest: everybody who was hurt regains a point every minute.
timers.every(60, function()
  for name, player in pairs(wounded) do
    player.hp = player.hp + 1
    if player.hp >= 30 then
      wounded[name] = nil
    end
  end
end)

return battle
