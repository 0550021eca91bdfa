-- redeliver-webhooks.lua: moves dead letters of an activation back to the ends of their lanes, in
-- the order that is given.
--
-- KEYS  state, lanes, dead, dead_order; then each lane
-- ARGV  then for each letter: event id, number of its lane, name of the lane
--   lanes: names of those that hold something
-- returns how many were moved: a letter that is not there any more is left out
local moved = 0
for at = more, #ARGV, 3 do
  local id, lane, name = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2]
  local letter = redis.call('HGET', dead, id)
  if letter then
    redis.call('HDEL', dead, id)
    redis.call('ZREM', dead_order, id)
    redis.call('RPUSH', KEYS[more_keys + lane], cjson.decode(letter)[4])
    redis.call('HINCRBY', state, 'pending', 1)
    redis.call('SADD', lanes, name)
    moved = moved + 1
  end
end
return moved
