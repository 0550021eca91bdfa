-- renew-lease.lua: keeps the lease of a partition, and says its commit number so that an idle owner notices a roll-back.
--
-- KEYS  1 owner, 2 meta
-- ARGV  1 token, 2 lease in ms
-- returns {'renewed', commit number, time of this server in ms} | {'fenced'}
-- A lease that ran out and that nobody has taken is mine again; the number tells whether somebody has committed meanwhile.
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return { 'fenced' } end
local number = redis.call('HGET', KEYS[2], 'number') or '0'
local time = redis.call('TIME')

redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return { 'renewed', number, tostring(time[1] * 1000 + math.floor(time[2] / 1000)) }
