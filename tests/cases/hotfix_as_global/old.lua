function hello() return "old" end
