-- sync-webhooks.lua: puts a part of a page of a full sync into the lanes of an activation, if the
-- sync still stands where it began.
--
-- KEYS  state, lanes, sync, touched; then each lane
-- ARGV  id, before, after, status, now_ms, part; then for each member: number of its lane, name of
--       the lane, record id, event
--   lanes: names of those that hold something; touched: records told of since the page began; id:
--   of the sync; before, after: cursors; status: 'running' or 'done'; part: 'whole' with the last
--   part of a page, else 'part'
-- returns status 'pushed', woken (names of lanes that were empty)
--       | status 'stale' (another sync, or another page)
-- A record of which a change was told meanwhile is left out: what the page says of it may be older.
local stored = redis.call('HMGET', sync, 'id', 'cursor', 'status')
if stored[1] ~= id or stored[2] ~= before or stored[3] ~= 'running' then
  return { 'status', 'stale' }
end

local woken, members = {}, 0
for at = more, #ARGV, 4 do
  local lane, name, record, event = unpack(ARGV, at, at + 3)
  members = members + 1
  if redis.call('SISMEMBER', touched, record) == 0 then
    redis.call('RPUSH', KEYS[more_keys + tonumber(lane)], event)
    redis.call('HINCRBY', state, 'pending', 1)
    if redis.call('SADD', lanes, name) == 1 then woken[#woken + 1] = name end
  end
end
redis.call('HSET', sync, 'cursor', after, 'status', status, 'updated_at', now_ms)
redis.call('HINCRBY', sync, 'members', members)
if part == 'whole' then redis.call('UNLINK', touched) end
return { 'status', 'pushed', 'woken', woken }
