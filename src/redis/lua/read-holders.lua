-- read-holders.lua: reads the sets of holders that are small.
--
-- KEYS  then the sets of holders
-- ARGV  most
-- returns of each set all ids in their order; nothing of one that has more than `most`
most = tonumber(most)
local found = {}
for i = more_keys, #KEYS do
  found[#found + 1] = redis.call('ZCARD', KEYS[i]) <= most and redis.call('ZRANGE', KEYS[i], 0, -1)
end
return found
