if not guard_done then
    guard_done = true
    Guarded = {}
    local n = 0
    function Guarded.f() n = n + 1 return n end
end
