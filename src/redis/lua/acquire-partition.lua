-- acquire-partition.lua: takes the lease of a partition if nobody else holds it, and says where the partition stands.
--
-- KEYS  1 owner, 2 meta
-- ARGV  1 token, 2 lease in ms, 3 install id of the deployment
-- returns {'acquired', field, value, … of meta} | {'held', ms until the lease ends}
--       | {'lost'} (the partition has no install id, or that of another deployment: it must not start from zero)
local token, lease_ms, install = ARGV[1], ARGV[2], ARGV[3]

local owner = redis.call('GET', KEYS[1])
if owner and owner ~= token then return { 'held', tostring(redis.call('PTTL', KEYS[1])) } end
if redis.call('HGET', KEYS[2], 'install') ~= install then return { 'lost' } end

redis.call('SET', KEYS[1], token, 'PX', lease_ms)
local answer = redis.call('HGETALL', KEYS[2])
table.insert(answer, 1, 'acquired')
return answer
