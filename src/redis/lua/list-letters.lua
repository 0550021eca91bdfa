-- list-letters.lua: the newest dead letters of a partition, without their texts.
--
-- KEYS  dead
-- ARGV  before, most
--   before: where to begin in the stream: '+', an id, or an id after a '(' that is left out
-- returns one list for each letter: its id, then names and values of its fields, of which `size`
--         (characters of the text) stands for `letter`
local heads = {}
for _, entry in ipairs(redis.call('XREVRANGE', dead, before, '-', 'COUNT', most)) do
  local head = { entry[1] }
  for at = 1, #entry[2], 2 do
    local name, value = entry[2][at], entry[2][at + 1]
    if name == 'letter' then name, value = 'size', #value end
    head[#head + 1] = name
    head[#head + 1] = tostring(value)
  end
  heads[#heads + 1] = head
end
return heads
