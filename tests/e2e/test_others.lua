-- Clients that are not ours talk to the agent: nngcat, and Perl with nanomsg and a msgpack of its own.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
local n = dofile(h.here .. "/network.lua")(h)

-- As much of msgpack as a request of short strings takes.
local function str(s) return string.char(0xa0 + #s) .. s end
local function status_request(id)
    return "\x83" .. str "protocol" .. "\1" .. str "kind" .. str "status" .. str "id" .. str(id)
end

h.test(function()
    n.authority "a"
    n.certificate("a", "server", { name = "localhost" })
    n.certificate("a", "ci")
    local s = n.server { ca = "a.pem", cert = "server.pem", key = "server.key" }
    local new = h.write("new.lua", h.module("two"))

    local request = h.write("request", status_request "cat-1")
    local function nngcat(url, more)
        return h.shell(("cd %s && timeout 60 nngcat --req0 --dial %s --file %s --raw --recv-timeout 30 %s 2>&1"):format(
            h.quote(h.dir), h.quote(url), h.quote(request), more or ""))
    end
    h.write("both.pem", h.read(n.at "ci.pem") .. h.read(n.at "ci.key"))
    local places = { ["ipc://" .. s.socket] = "", [s.tls] = "--cacert a.pem --cert both.pem" }
    places[s.tcp] = "" -- without tls this is s.tls
    for url, more in pairs(places) do
        local answer = nngcat(url, more)
        h.has(answer, str "status" .. str "ok", "nngcat at " .. url)
        h.has(answer, str "name" .. str "net", "its name at " .. url)
    end

    local function perl(line)
        return h.shell("timeout 60 perl " .. h.quote(h.here .. "/others.pl") .. " " .. line .. " 2>&1")
    end
    h.eq(perl(h.quote("ipc://" .. s.socket) .. " status p-1"), "ok 0 net\n", "perl over ipc")
    h.eq(perl(s.tcp .. " diff p-2 m " .. h.quote(new)), "planned 0 net\n", "perl: diff")
    h.eq(perl(s.tcp .. " push p-3 m " .. h.quote(new)), "applied 1 net\n", "perl: push")
    h.eq(s:ask("return require 'm'.name()"), "two", "code")
    h.eq(perl(h.quote("ipc://" .. s.socket) .. " push p-3 m " .. h.quote(new)), "applied 1 net\n", "its id again")
    h.eq(#h.report(0, { "log", "--pid", s.pid }).patches, 1, "once")
    h.has(perl(s.tcp .. " pusj p-4"), "unsupported", "an unknown kind")
end)
