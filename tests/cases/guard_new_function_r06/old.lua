if not guard_done then
    guard_done = true
    Guarded = {}
    function Guarded.f() return 1 end
end
