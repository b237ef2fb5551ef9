-- json.decode(text): strict enough to notice anything else on the same stream. null is nil; arrays have no holes here.
local json = {}

local escapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }

function json.decode(text)
    local at = 1
    local value

    local function fail(what)
        error(("json: %s at byte %d: %s"):format(what, at, text:sub(at, at + 40)), 0)
    end
    local function skip() at = text:find("[^ \t\r\n]", at) or #text + 1 end
    local function take(pattern)
        local first, last, capture = text:find("^" .. pattern, at)
        if first then
            at = last + 1
            return capture or text:sub(first, last)
        end
    end
    local function str()
        local parts = {}
        while true do
            parts[#parts + 1] = take('[^"\\%c]*')
            if take('"') then return table.concat(parts) end
            if not take("\\") then fail("bad string") end
            local letter = take(".")
            if letter == "u" then
                parts[#parts + 1] = utf8.char(tonumber(take("%x%x%x%x") or fail("bad \\u"), 16))
            else
                parts[#parts + 1] = escapes[letter] or fail("bad escape")
            end
        end
    end
    local function object()
        local out = {}
        skip()
        if take("}") then return out end
        repeat
            skip()
            if not take('"') then fail("no key") end
            local key = str()
            skip()
            if not take(":") then fail("no colon") end
            out[key] = value()
            skip()
        until not take(",")
        if not take("}") then fail("object not closed") end
        return out
    end
    local function array()
        local out = {}
        skip()
        if take("%]") then return out end
        repeat
            out[#out + 1] = value()
            skip()
        until not take(",")
        if not take("%]") then fail("array not closed") end
        return out
    end

    function value()
        skip()
        if take("{") then return object() end
        if take("%[") then return array() end
        if take('"') then return str() end
        if take("true") then return true end
        if take("false") then return false end
        if take("null") then return nil end
        local number = take("%-?%d+%.?%d*[eE]?[+-]?%d*")
        return number and (math.tointeger(number) or tonumber(number)) or fail("no value")
    end

    local result = value()
    skip()
    if at <= #text then fail("more than one value") end
    return result
end

return json
