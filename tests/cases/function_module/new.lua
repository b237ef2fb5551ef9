local calls = 0
return function(x)
    calls = calls + 1
    return x + 100, calls
end
