-- release-lease.lua: gives up a partition at once, if it is still mine.
--
-- KEYS  1 owner
-- ARGV  1 token
-- returns 'released' | 'fenced'
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'fenced' end

redis.call('DEL', KEYS[1])
return 'released'
