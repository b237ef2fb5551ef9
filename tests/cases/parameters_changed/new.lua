local M = {}
function M.give(player, count, item) return player .. count .. item end
function M.take(player) return player .. "!" end
return M
