-- push-webhooks.lua: puts the events of one partition's entries into the lanes of one activation, each entry once.
--
-- KEYS  1 state, 2 names of the lanes that hold something, 3 sync, 4 records told of since the sync's page
--       began, 5 dead letters, 6 their order, 7… the lanes
-- ARGV  1 the state's field for the partition's position, 2 the last place, 3 now in ms, 4 most events that may be pending,
--       5 most dead letters, then per event: place, index of its lane in KEYS, name of the lane, record id, event id, event
-- returns {'pushed', names of lanes that were empty…}: what is not after the position was pushed before, and is left out;
--       what there is no room for goes to the dead letters, and of those the oldest give way
-- A place is an entry and, after a slash, an index in it; without one it is the end of the entry.
local field, last, now = ARGV[1], ARGV[2], ARGV[3]
local pending_max, dead_max = tonumber(ARGV[4]), tonumber(ARGV[5])

local function is_after(a, b)
  local a_ms, a_seq, a_at = a:match('^(%d+)-(%d+)/?(%d*)$')
  local b_ms, b_seq, b_at = b:match('^(%d+)-(%d+)/?(%d*)$')
  if tonumber(a_ms) ~= tonumber(b_ms) then return tonumber(a_ms) > tonumber(b_ms) end
  if tonumber(a_seq) ~= tonumber(b_seq) then return tonumber(a_seq) > tonumber(b_seq) end
  return (tonumber(a_at) or math.huge) > (tonumber(b_at) or math.huge)
end

local state = redis.call('HMGET', KEYS[1], field, 'pending')
local position, pending = state[1] or '0-0', tonumber(state[2] or '0')
local is_syncing = redis.call('HGET', KEYS[3], 'status') == 'running'
local woken = { 'pushed' }
for at = 6, #ARGV, 6 do
  local entry, lane, name, record, id, event = unpack(ARGV, at, at + 5)
  if is_after(entry, position) then
    if is_syncing then redis.call('SADD', KEYS[4], record) end
    if pending < pending_max then
      redis.call('RPUSH', KEYS[tonumber(lane)], event)
      pending = redis.call('HINCRBY', KEYS[1], 'pending', 1)
      if redis.call('SADD', KEYS[2], name) == 1 then woken[#woken + 1] = name end
    else
      redis.call('HSET', KEYS[5], id, cjson.encode({ 0, tonumber(now), 'too many events are pending', event }))
      redis.call('ZADD', KEYS[6], redis.call('HINCRBY', KEYS[1], 'letters', 1), id)
      if redis.call('ZCARD', KEYS[6]) > dead_max then
        redis.call('HDEL', KEYS[5], redis.call('ZPOPMIN', KEYS[6])[1])
        redis.call('HINCRBY', KEYS[1], 'dropped', 1)
      end
    end
  end
end
if is_after(last, position) then redis.call('HSET', KEYS[1], field, last) end
return woken
