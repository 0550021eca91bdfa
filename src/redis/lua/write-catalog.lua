-- write-catalog.lua: changes the catalog if nobody else has since, and tells every process what changed.
--
-- KEYS  1 catalog meta, 2 object types, 3 segments, 4 predicate ids, 5 log, 6 views, 7 activations,
--       8 slugs, 9 secrets of activations, 10 activations that are gone, by when: what is kept of
--       them elsewhere is still to be removed
-- ARGV  1 version that the change was made for, 2 next predicate id, 3 the change as JSON for the log, 4 entries that the log keeps,
--       then writes: index in KEYS, field, 'set' or 'delete', value
-- returns {'ok', new version} | {'conflict', version}
-- A secret comes and goes with its activation, whatever removes that, and is never part of the log.
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
if version ~= tonumber(ARGV[1]) then return { 'conflict', tostring(version) } end
for at = 5, #ARGV, 4 do
  local key = tonumber(ARGV[at])
  if not key or key < 2 or key > 9 or key == 5 then return redis.error_reply('ERR write-catalog: no such hash ' .. ARGV[at]) end
end

for at = 5, #ARGV, 4 do
  if ARGV[at + 2] == 'set' then
    redis.call('HSET', KEYS[tonumber(ARGV[at])], ARGV[at + 1], ARGV[at + 3])
  else
    redis.call('HDEL', KEYS[tonumber(ARGV[at])], ARGV[at + 1])
    if ARGV[at] == '7' then
      redis.call('HDEL', KEYS[9], ARGV[at + 1])
      redis.call('ZADD', KEYS[10], redis.call('TIME')[1], ARGV[at + 1])
    end
  end
end
version = version + 1
redis.call('HSET', KEYS[1], 'version', version, 'next_predicate_id', ARGV[2])
redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[4], '*', 'version', version, 'change', ARGV[3])
return { 'ok', tostring(version) }
