local logger = { made = {} }
function logger.get(name)
    local l = { name = name, count = 0 }
    logger.made[#logger.made + 1] = l
    return l
end
return logger
