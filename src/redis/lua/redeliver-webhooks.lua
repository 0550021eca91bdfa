-- redeliver-webhooks.lua: moves dead letters of an activation back to the ends of their lanes, in the order that is given.
--
-- KEYS  1 state, 2 names of the lanes that hold something, 3 dead letters, 4 their order, 5… the lanes
-- ARGV  per letter: event id, index of its lane in KEYS, name of the lane
-- returns {'moved', how many}: a letter that is not there any more is left out
local moved = 0
for at = 1, #ARGV, 3 do
  local id, lane, name = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2]
  local letter = redis.call('HGET', KEYS[3], id)
  if letter then
    redis.call('HDEL', KEYS[3], id)
    redis.call('ZREM', KEYS[4], id)
    redis.call('RPUSH', KEYS[lane], cjson.decode(letter)[4])
    redis.call('HINCRBY', KEYS[1], 'pending', 1)
    redis.call('SADD', KEYS[2], name)
    moved = moved + 1
  end
end
return { 'moved', moved }
