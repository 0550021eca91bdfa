-- weigh-fields.lua: says how many bytes some fields of a hash have, so that only as many are read as can be held.
--
-- KEYS  1 the hash
-- ARGV  fields…
-- returns the bytes of each, in their order; 0 for one that is not there
local bytes = {}
for at = 1, #ARGV do bytes[at] = redis.call('HSTRLEN', KEYS[1], ARGV[at]) end
return bytes
