local M = {}
local path = package.searchpath("m", package.path):gsub("m%.lua$", "ran.txt")
local file = io.open(path, "a")
file:write("ran\n")
file:close()
print_count = (print_count or 0) + 1
function M.path() return path end
return M
