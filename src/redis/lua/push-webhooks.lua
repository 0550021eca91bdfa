-- push-webhooks.lua: puts the events of one partition's entries into the lanes of one activation,
-- each entry once.
--
-- KEYS  state, lanes, sync, touched, dead, dead_order; then each lane
-- ARGV  field, last, now_ms, pending_max, dead_max; then for each event: place, number of its lane,
--       name of the lane, record id, event id, event
--   lanes: names of those that hold something; touched: records told of since the sync's page
--   began; field: the state's, for the partition's position; last: the last place; pending_max,
--   dead_max: events that may be pending, dead letters that are kept
-- returns the names of lanes that were empty
-- What is not after the position was pushed before, and is left out. What there is no room for goes
-- to the dead letters, and of those the oldest give way. A place is an entry and, after a slash, an
-- index in it; without one it is the end of the entry.
local function is_after(a, b)
  local a_ms, a_seq, a_at = a:match('^(%d+)-(%d+)/?(%d*)$')
  local b_ms, b_seq, b_at = b:match('^(%d+)-(%d+)/?(%d*)$')
  if tonumber(a_ms) ~= tonumber(b_ms) then return tonumber(a_ms) > tonumber(b_ms) end
  if tonumber(a_seq) ~= tonumber(b_seq) then return tonumber(a_seq) > tonumber(b_seq) end
  return (tonumber(a_at) or math.huge) > (tonumber(b_at) or math.huge)
end

local function bury(id, event)
  local letter = { 0, tonumber(now_ms), 'too many events are pending', event }
  redis.call('HSET', dead, id, cjson.encode(letter))
  redis.call('ZADD', dead_order, redis.call('HINCRBY', state, 'letters', 1), id)
  if redis.call('ZCARD', dead_order) > tonumber(dead_max) then
    redis.call('HDEL', dead, redis.call('ZPOPMIN', dead_order)[1])
    redis.call('HINCRBY', state, 'dropped', 1)
  end
end

local stored = redis.call('HMGET', state, field, 'pending')
local position, pending = stored[1] or '0-0', tonumber(stored[2] or '0')
local is_syncing = redis.call('HGET', sync, 'status') == 'running'
local woken = {}
for at = more, #ARGV, 6 do
  local place, lane, name, record, id, event = unpack(ARGV, at, at + 5)
  if is_after(place, position) then
    if is_syncing then redis.call('SADD', touched, record) end
    if pending < tonumber(pending_max) then
      redis.call('RPUSH', KEYS[more_keys + tonumber(lane)], event)
      pending = redis.call('HINCRBY', state, 'pending', 1)
      if redis.call('SADD', lanes, name) == 1 then woken[#woken + 1] = name end
    else
      bury(id, event)
    end
  end
end
if is_after(last, position) then redis.call('HSET', state, field, last) end
return woken
