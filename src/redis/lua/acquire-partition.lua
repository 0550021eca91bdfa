-- acquire-partition.lua: takes the lease of a partition if nobody else holds it, and says where the
-- partition stands.
--
-- KEYS  owner, meta, counts, failed, followed
-- ARGV  token, lease_ms, install
-- returns status 'acquired', meta (names and values), complete (predicate ids that have a count),
--         failed (by predicate id: why), followed (by feed id: what the feed goes by)
--       | status 'held', forMs (until the lease ends)
--       | status 'lost' (it has no install id, or that of another deployment: it must not start
--         from zero)
-- A holder's token stays in meta until it gives the lease up. If another one's is found there, that
-- owner has left without a word: it is `deserted` until a new owner has dealt with what it left.
local holder = redis.call('GET', owner)
if holder and holder ~= token then
  return { 'status', 'held', 'forMs', redis.call('PTTL', owner) }
end
local stored = redis.call('HMGET', meta, 'install', 'holder')
if stored[1] ~= install then return { 'status', 'lost' } end

redis.call('SET', owner, token, 'PX', lease_ms)
if stored[2] and stored[2] ~= token then redis.call('HSET', meta, 'deserted', stored[2]) end
redis.call('HSET', meta, 'holder', token)
return {
  'status', 'acquired',
  'meta', redis.call('HGETALL', meta),
  'complete', redis.call('HKEYS', counts),
  'failed', redis.call('HGETALL', failed),
  'followed', redis.call('HGETALL', followed),
}
