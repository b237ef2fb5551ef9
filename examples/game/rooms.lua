-- Where players are, and what waits for them there.
local rooms = {}

local Room = {}
Room.__index = Room

local function new(name, text, exits, monsters)
  return setmetatable({ name = name, text = text, exits = exits, monsters = monsters, players = {} }, Room)
end

local all = {
  hall = new("hall", "A cold hall with a fire that is almost out.", { "cave", "meadow" }, {}),
  cave = new("cave", "A cave. Somebody large breathes in the dark.", { "hall" },
    { troll = { name = "troll", hp = 40, armour = 8, gold = 25 } }),
  meadow = new("meadow", "Grass, wind, and something that giggles.", { "hall" },
    { goblin = { name = "goblin", hp = 12, armour = 2, gold = 3 } }),
}

function Room:enter(player)
  self.players[player.name] = player
  player.room = self
end

function Room:leave(player)
  self.players[player.name] = nil
  player.room = nil
end

function Room:tell(text, except)
  for _, player in pairs(self.players) do
    if player ~= except then
      player:tell(text)
    end
  end
end

function Room:describe(viewer)
  local lines = { self.text }
  for _, monster in pairs(self.monsters) do
    lines[#lines + 1] = ("A %s is here: %d hp."):format(monster.name, monster.hp)
  end
  for name, player in pairs(self.players) do
    if player ~= viewer then
      lines[#lines + 1] = name .. " is here."
    end
  end
  lines[#lines + 1] = "Ways out: " .. table.concat(self.exits, ", ")
  return table.concat(lines, "\n")
end

function rooms.get(name)
  return all[name]
end

return rooms
