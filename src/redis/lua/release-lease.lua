-- release-lease.lua: gives up a partition at once, if it is still mine, and leaves it in good
-- order.
--
-- KEYS  owner, meta
-- ARGV  token
-- returns 'released' | 'fenced'
if redis.call('GET', owner) ~= token then return 'fenced' end

redis.call('DEL', owner)
redis.call('HDEL', meta, 'holder', 'trial', 'deserted')
return 'released'
