-- found-partition.lua: gives a new partition the install id of its deployment.
--
-- KEYS  meta
-- ARGV  install
-- returns 'founded' | 'known' (it has this id) | 'foreign' (it has another)
local stored = redis.call('HGET', meta, 'install')
if stored == install then return 'known' end
if stored then return 'foreign' end

redis.call('HSET', meta, 'install', install, 'number', '0', 'nonce', '')
return 'founded'
