-- For tests over tcp and tls: certificates made on the spot, a server that listens, and a relay that cuts.
--
--   local n = dofile(… "/network.lua")(h)
--   n.authority "a"                 makes a.pem, a.key
--   n.certificate("a", "server", { name = "localhost", days = 1 })    makes server.pem, server.key, signed by a
--   local s = n.server { tls = { ca =, cert =, key = } }    s.tls, s.tcp: its URLs
return function(h)
    -- Not under the thread sanitizer (E2E_NO_TLS, CMakeLists.txt): then all goes over tcp.
    local n = { tls = os.getenv "E2E_NO_TLS" == nil }
    local function at(name) return h.dir .. "/" .. name end
    n.at = at

    local function openssl(line, ...)
        local words = {}
        for i, word in ipairs { ... } do words[i] = h.quote(word) end
        local text = h.shell("cd " .. h.quote(h.dir) .. " && openssl " .. line .. " " .. table.concat(words, " ") ..
            " 2>&1 && echo made")
        if not text:find "made\n$" then h.fail("openssl %s: %s", line, text) end
    end
    local EC = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"

    function n.authority(name)
        openssl("req -x509 " .. EC .. " -days 2 -subj", "/CN=" .. name, "-keyout", name .. ".key", "-out", name .. ".pem")
    end

    -- options: name (CN and alternative name), usage (serverAuth, clientAuth; default: both), until_ (a date as openssl's -not_after of `ca` takes it; default: a day)
    function n.certificate(by, name, options)
        options = options or {}
        local subject = options.name or name
        h.write(name .. ".ext", "subjectAltName=DNS:" .. subject .. "\n" ..
            (options.usage and "extendedKeyUsage=" .. options.usage .. "\n" or ""))
        openssl("req " .. EC .. " -subj", "/CN=" .. subject, "-keyout", name .. ".key", "-out", name .. ".csr")
        if options.expired then
            h.write("ca.cnf", "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\npolicy=p\n" ..
                "default_md=sha256\n[p]\ncommonName=supplied\n")
            h.write("index.txt", "")
            h.write("serial", "77\n")
            openssl("ca -batch -notext -config ca.cnf -startdate 20200101000000Z -enddate 20200201000000Z -cert", by .. ".pem",
                "-keyfile", by .. ".key", "-in", name .. ".csr", "-extfile", name .. ".ext", "-out", name .. ".pem")
        else
            openssl("x509 -req -days 1 -CAcreateserial -CA", by .. ".pem", "-CAkey", by .. ".key", "-in", name .. ".csr",
                "-extfile", name .. ".ext", "-out", name .. ".pem")
        end
    end

    -- A server that listens at a tls and a tcp port of the system's choice.
    function n.server(options)
        local setup = ([[return { start = { name = "net", max_pause_ms = %d, listen = { "tls+tcp://127.0.0.1:0", "tcp://127.0.0.1:0" },
            tls = { ca = %q, cert = %q, key = %q }, rights = %s }, modules = { "m" } }]]):format(options.max_pause_ms or 1, at(options.ca),
            at(options.cert), at(options.key), options.rights or "nil")
        local s = h.server { modules = { m = h.module("one") }, setup = setup }
        local listen = h.report(0, { "status", "--pid", s.pid }).agent.listen
        s.tls = listen[1]:gsub("127.0.0.1", "localhost")
        s.tcp = listen[2]
        if not n.tls then s.tls = s.tcp end
        return s
    end

    -- The arguments that reach a server over tls, as `who` (names of files), and those that follow.
    function n.args(s, who, ...)
        if not n.tls then return { (...), "--to", (s.tls:gsub("tls%+", ""):gsub("localhost", "127.0.0.1")), select(2, ...) } end
        return { (...), "--to", s.tls, "--tls-ca", at(who.ca or "a.pem"), "--tls-cert", at(who.name .. ".pem"), "--tls-key",
            at(who.name .. ".key"), select(2, ...) }
    end

    function n.port(url) return tonumber(url:match ":(%d+)$") end

    -- A relay in this process between the command and a port: `cut(from, bytes, pair)` is asked when bytes come from "client"
    -- or "server", and may give how many of them still pass before the connection is cut. Turn it with relay.step() until
    -- what is wanted has happened. relay.cut() cuts all.
    function n.relay(port, cut)
        local relay = { pairs = {}, cuts = 0 }
        local listener = assert(h.socket.bind("127.0.0.1", 0))
        listener:settimeout(0)
        relay.port = select(2, listener:getsockname())
        local function pass(pair, from, to, name)
            local bytes, problem, part = from:receive(65536)
            bytes = bytes or part
            if bytes and #bytes > 0 then
                local last = cut and cut(name, bytes, pair)
                to:settimeout(10)
                to:send(last and bytes:sub(1, last) or bytes)
                to:settimeout(0)
                if last then
                    relay.cuts = relay.cuts + 1
                    return false
                end
            end
            return problem ~= "closed"
        end
        function relay.step()
            local client = listener:accept()
            if client then
                local server = assert(h.socket.connect("127.0.0.1", port))
                client:settimeout(0)
                server:settimeout(0)
                relay.pairs[#relay.pairs + 1] = { client = client, server = server }
            end
            for i = #relay.pairs, 1, -1 do
                local p = relay.pairs[i]
                if not (pass(p, p.client, p.server, "client") and pass(p, p.server, p.client, "server")) then
                    p.client:close()
                    p.server:close()
                    table.remove(relay.pairs, i)
                end
            end
        end
        function relay.cut()
            listener:close()
            for _, p in ipairs(relay.pairs) do p.client:close() p.server:close() end
            relay.pairs = {}
        end
        -- Turns it until the command in the background has ended: its result.
        function relay.wait(background)
            h.until_("the command ends", function()
                relay.step()
                return background.ended()
            end)
            return background.wait()
        end
        return relay
    end
    return n
end
