-- mend-partition.lua: makes good one row, set or field, if what that was decided by is still so.
--
-- KEYS  then the key that is written, the hashes that guards look at, and the `meta` that is
--       renewed (all of one partition)
-- ARGV  guards, renewed, nonce; then for each guard: index in KEYS of a hash, field, 'is' or
--       'absent', the field's value; then the write: verb, index in KEYS, arguments…
--   guards: how many there are
--   renewed: index in KEYS of the partition's `meta` (0: none), which gets the nonce: readers do
--   not take what they know for what is stored any more
-- returns 'mended' | 'moved' (a guard does not hold any more: somebody has committed meanwhile)
local at = more
for _ = 1, tonumber(guards) do
  local stored = redis.call('HGET', KEYS[tonumber(ARGV[at])], ARGV[at + 1])
  if ARGV[at + 2] == 'absent' and stored then return 'moved' end
  if ARGV[at + 2] == 'is' and stored ~= ARGV[at + 3] then return 'moved' end
  at = at + 4
end

local verb, key = ARGV[at], KEYS[tonumber(ARGV[at + 1])]
local WRITES = { HSET = true, HDEL = true, ZADD = true, ZREM = true, UNLINK = true }
if not WRITES[verb] or not key then
  return redis.error_reply('ERR mend-partition: malformed write ' .. tostring(verb))
end
redis.call(verb, key, unpack(ARGV, at + 2))
if renewed ~= '0' then redis.call('HSET', KEYS[tonumber(renewed)], 'nonce', nonce) end
return 'mended'
