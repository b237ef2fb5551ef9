-- encode(value) -> JSON in one line. A table with items 1.. or with nothing is a list; keys come in order. Bytes that are not
-- ASCII come as \\u00XX, whatever they meant: texts may be cut in the middle of a character.
local type, next, pairs, ipairs, tostring = type, next, pairs, ipairs, tostring
local format, concat, sort = string.format, table.concat, table.sort

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r" }

local function quote(s)
    return '"' .. s:gsub('[^ !#-%[%]-~]', function(c) return escapes[c] or format("\\u%04x", c:byte()) end) .. '"'
end

local function encode(v)
    if type(v) == "string" then return quote(v) end
    if type(v) ~= "table" then return tostring(v) end
    local parts = {}
    if #v > 0 or next(v) == nil then
        for i, item in ipairs(v) do parts[i] = encode(item) end
        return "[" .. concat(parts, ",") .. "]"
    end
    for key, item in pairs(v) do parts[#parts + 1] = quote(key) .. ":" .. encode(item) end
    sort(parts)
    return "{" .. concat(parts, ",") .. "}"
end

return encode
