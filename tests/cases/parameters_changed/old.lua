local M = {}
function M.give(player, item) return player .. item end
function M.take(player) return player end
return M
