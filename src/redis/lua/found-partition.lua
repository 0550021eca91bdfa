-- found-partition.lua: gives a new partition the install id of its deployment.
--
-- KEYS  1 meta
-- ARGV  1 install id
-- returns 'founded' | 'known' (it has this id) | 'foreign' (it has another)
local install = redis.call('HGET', KEYS[1], 'install')
if install == ARGV[1] then return 'known' end
if install then return 'foreign' end

redis.call('HSET', KEYS[1], 'install', ARGV[1], 'number', '0', 'nonce', '')
return 'founded'
