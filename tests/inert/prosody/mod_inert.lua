-- A plugin of Prosody: once the server runs, everything that it has really loaded is loaded inert and compared; then the
-- server shuts down. init.lua has been recording since the process began.
module:set_global();

local os, io = os, io;
local inert, loads = inert_recorder, inert_loads; -- luacheck: ignore 113 (init.lua)
local out, root = os.getenv "INERT_OUT", os.getenv "INERT_ROOT";

local function kind_of(file)
	return file:find("/modules/", 1, true) and "prosody plugins" or "prosody";
end

local function measure()
	inert.stop();
	debug.sethook = inert_sethook; -- luacheck: ignore 113 122
	local rows, difference, objects = loads.measure_all(function(file)
		return file:sub(1, #root) == root and not file:find("/bin/", 1, true);
	end);
	for _, row in ipairs(rows) do row.package = kind_of(row.file); end
	rows[#rows + 1] = { package = "prosody", modules = #rows, not_loaded = {}, objects = objects, difference = difference };
	loads.write(out, rows);
	os.exit(0, false);
end

module:hook_global("server-started", function()
	module:add_timer(1, function() -- not inside the event: what it starts has been started
		local ok, why = xpcall(measure, debug.traceback);
		if not ok then
			io.stderr:write(why, "\n");
			os.exit(1, false);
		end
	end);
end);
