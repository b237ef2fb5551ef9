function hello() return "new" end
function __hotfix(module, info) hotfix_ran = (hotfix_ran or 0) + 1 end
