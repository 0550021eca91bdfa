-- renew-lease.lua: keeps the lease of a partition, and says its commit number so that an idle owner
-- notices a roll-back.
--
-- KEYS  owner, meta
-- ARGV  token, lease_ms
-- returns status 'renewed', number (of the last commit), serverMs (the time of this server)
--       | status 'fenced'
-- A lease that ran out and that nobody has taken is mine again; the number tells whether somebody
-- has committed meanwhile.
local holder = redis.call('GET', owner)
if holder and holder ~= token then return { 'status', 'fenced' } end
local number = tonumber(redis.call('HGET', meta, 'number') or '0')
local time = redis.call('TIME')

redis.call('SET', owner, token, 'PX', lease_ms)
local server_ms = time[1] * 1000 + math.floor(time[2] / 1000)
return { 'status', 'renewed', 'number', number, 'serverMs', server_ms }
