-- Who plays, and what they own. Accounts last as long as the server runs: this is the state that must not be lost.
local players = {}

local Player = {}
Player.__index = Player

local accounts = {} -- by name, also of those who left
local online = 0

function players.login(name, tell)
  local player = accounts[name]
  if not player then
    player = setmetatable({ name = name, hp = 30, gold = 10, attack = 5, armour = 1 }, Player)
    accounts[name] = player
  elseif player.send then
    return nil, name .. " is playing already"
  end
  player.send = tell
  online = online + 1
  return player
end

function players.logout(player)
  if player.room then
    player.room:leave(player)
  end
  player.send = nil
  online = online - 1
end

function players.online()
  return online
end

function Player:tell(text)
  if self.send then
    self.send("* " .. text)
  end
end

function Player:describe()
  return ("%s: %d hp, %d gold"):format(self.name, self.hp, self.gold)
end

return players
