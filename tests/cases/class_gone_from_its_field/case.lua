return {
    doc = "another class stands in a field: each class keeps its own methods, as its local says",
    before = function(_, t)
        local m = require "m"
        t.keep.sword, t.keep.staff = m.Sword.new(), m.Weapon.new()
    end,
    expect = { fields = { Weapon = "updated" }, warnings = { "R13 Sword" } },
    after = function(m, t)
        t.eq(t.keep.sword:hit(), "sharp sword", "objects of the class that changed")
        t.eq(t.keep.staff:hit(), "staff", "objects of the other")
        t.ok(m.Weapon == m.Sword, "what the source says")
        t.eq(m.Weapon.new():hit(), "sharp sword", "new objects")
    end,
    revert = function(m, t)
        t.eq(t.keep.sword:hit(), "sword", "back")
        t.eq(m.Weapon.new():hit(), "staff", "back")
    end,
}
