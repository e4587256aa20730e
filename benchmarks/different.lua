-- For wrk: no two requests are the same, so that no server can answer one from memory.
local number = 0

request = function()
   number = number + 1
   return wrk.format("GET", "/?" .. number)
end
