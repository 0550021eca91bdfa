-- mend-partition.lua: makes good one row, set or field, if what that was decided by is still so.
--
-- KEYS  then the keys that are written, the hashes that guards look at, and the `meta` that is
--       renewed (all of one partition)
-- ARGV  guards, renewed, nonce; then for each guard: index in KEYS of a hash, field, what is so, a
--       value; then the writes: verb, index in KEYS, count of arguments, arguments…
--   what is so: 'is' (the field's value is this), 'absent', or 'unnamed' (the field is no head of
--   a state that names the block of this number beside its first)
--   guards: how many there are
--   renewed: index in KEYS of the partition's `meta` (0: none), which gets the nonce: readers do
--   not take what they know for what is stored any more
-- returns 'mended' | 'moved' (a guard does not hold any more: somebody has committed meanwhile)
local at = more
for _ = 1, tonumber(guards) do
  local stored = redis.call('HGET', KEYS[tonumber(ARGV[at])], ARGV[at + 1])
  if ARGV[at + 2] == 'absent' and stored then return 'moved' end
  if ARGV[at + 2] == 'is' and stored ~= ARGV[at + 3] then return 'moved' end
  if ARGV[at + 2] == 'unnamed' then
    local numbers = string.match(stored or '', '^%d*;%d+(,[%d,]+);')
    if numbers and string.find(numbers .. ',', ',' .. ARGV[at + 3] .. ',', 1, true) then
      return 'moved'
    end
  end
  at = at + 4
end

local WRITES = { HSET = true, HDEL = true, ZADD = true, ZREM = true, UNLINK = true }
local first = at
while at <= #ARGV do
  local verb, key, count = ARGV[at], KEYS[tonumber(ARGV[at + 1])], tonumber(ARGV[at + 2])
  if not WRITES[verb] or not key or not count then
    return redis.error_reply('ERR mend-partition: malformed write ' .. tostring(verb))
  end
  at = at + 3 + count
end

at = first
while at <= #ARGV do
  local last = at + 2 + tonumber(ARGV[at + 2])
  redis.call(ARGV[at], KEYS[tonumber(ARGV[at + 1])], unpack(ARGV, at + 3, last))
  at = last + 1
end
if renewed ~= '0' then redis.call('HSET', KEYS[tonumber(renewed)], 'nonce', nonce) end
return 'mended'
