-- acquire-partition.lua: takes the lease of a partition if nobody else holds it, and says where the partition stands.
--
-- KEYS  1 owner, 2 meta
-- ARGV  1 token, 2 lease in ms, 3 install id of the deployment
-- returns {'acquired', field, value, … of meta} | {'held', ms until the lease ends}
--       | {'lost'} (the partition has no install id, or that of another deployment: it must not start from zero)
-- A holder's token stays in meta until it gives the lease up. If another's is found there, that one has left without a word:
-- it is `deserted` until somebody has looked after what was under way.
local token, lease_ms, install = ARGV[1], ARGV[2], ARGV[3]

local owner = redis.call('GET', KEYS[1])
if owner and owner ~= token then return { 'held', tostring(redis.call('PTTL', KEYS[1])) } end
local stored = redis.call('HMGET', KEYS[2], 'install', 'holder')
if stored[1] ~= install then return { 'lost' } end

redis.call('SET', KEYS[1], token, 'PX', lease_ms)
if stored[2] and stored[2] ~= token then redis.call('HSET', KEYS[2], 'deserted', stored[2]) end
redis.call('HSET', KEYS[2], 'holder', token)
local answer = redis.call('HGETALL', KEYS[2])
table.insert(answer, 1, 'acquired')
return answer
