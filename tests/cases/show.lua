-- show(value): a value as text, keys sorted, for messages and for comparing plain data.
local function show(value, indent)
    if type(value) == "string" then
        return ("%q"):format(value)
    elseif type(value) ~= "table" then
        return tostring(value)
    end
    indent = indent or ""
    if indent:len() > 40 then return "…" end
    local keys, parts = {}, {}
    for key in next, value do keys[#keys + 1] = key end
    table.sort(keys, function(a, b)
        if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
        return type(a) == "number" and type(b) ~= "number" or tostring(type(a)) < tostring(type(b))
    end)
    local length = 0
    for i, key in ipairs(keys) do
        local name = math.type(key) == "integer" and key == i and "" or (tostring(key) .. " = ")
        parts[i] = name .. show(value[key], indent .. "  ")
        length = length + #parts[i]
    end
    if length < 100 then
        return "{ " .. table.concat(parts, ", ") .. " }"
    end
    return "{\n" .. indent .. "  " .. table.concat(parts, ",\n" .. indent .. "  ") .. "\n" .. indent .. "}"
end

return show
