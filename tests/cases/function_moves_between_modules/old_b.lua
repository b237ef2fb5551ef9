local util = {}
return util
