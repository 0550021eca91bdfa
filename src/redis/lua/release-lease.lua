-- release-lease.lua: gives up a partition at once, if it is still mine, and leaves it in good order.
--
-- KEYS  1 owner, 2 meta
-- ARGV  1 token
-- returns 'released' | 'fenced'
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'fenced' end

redis.call('DEL', KEYS[1])
redis.call('HDEL', KEYS[2], 'holder', 'care', 'deserted')
return 'released'
