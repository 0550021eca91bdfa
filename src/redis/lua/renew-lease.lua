-- renew-lease.lua: keeps the lease of a partition, and says its commit number so that an idle owner notices a roll-back.
--
-- KEYS  1 owner, 2 meta
-- ARGV  1 token, 2 lease in ms
-- returns {'renewed', commit number} | {'fenced'}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return { 'fenced' } end
local number = redis.call('HGET', KEYS[2], 'number') or '0'

redis.call('PEXPIRE', KEYS[1], ARGV[2])
return { 'renewed', number }
