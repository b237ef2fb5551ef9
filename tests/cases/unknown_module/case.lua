return {
    doc = "an unknown module is refused, and the closest loaded name is offered",
    module = "battle_rooms",
    modules = { { module = "battle_rooms", old = "old.lua", new = "new.lua" } },
    target = "battle_room",
    expect = { status = "refused", candidate = "battle_rooms" },
}
