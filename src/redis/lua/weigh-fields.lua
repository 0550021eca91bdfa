-- weigh-fields.lua: says how many bytes some fields of a hash have, so that only as many are read
-- as can be held.
--
-- KEYS  hash
-- ARGV  then fields
-- returns the bytes of each, in their order; 0 for one that is not there
local bytes = {}
for at = more, #ARGV do bytes[at] = redis.call('HSTRLEN', hash, ARGV[at]) end
return bytes
