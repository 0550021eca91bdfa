-- sync-webhooks.lua: puts a part of a page of a full sync into the lanes of an activation, if the sync still stands where it began.
--
-- KEYS  1 state, 2 names of the lanes that hold something, 3 sync, 4 records told of since the page began, 5… the lanes
-- ARGV  1 id of the sync, 2 cursor before, 3 cursor after, 4 'running' or 'done', 5 now in ms, 6 'whole' with the last part
--       of a page or 'part', then per member: index of its lane in
--       KEYS, name of the lane, record id, event
-- returns {'pushed', names of lanes that were empty…} | {'stale'} (another sync, or another page)
-- A record of which a change was told meanwhile is left out: what the page says of it may be older.
local sync = redis.call('HMGET', KEYS[3], 'id', 'cursor', 'status')
if sync[1] ~= ARGV[1] or sync[2] ~= ARGV[2] or sync[3] ~= 'running' then return { 'stale' } end

local woken, members = { 'pushed' }, 0
for at = 7, #ARGV, 4 do
  local lane, name, record, event = unpack(ARGV, at, at + 3)
  members = members + 1
  if redis.call('SISMEMBER', KEYS[4], record) == 0 then
    redis.call('RPUSH', KEYS[tonumber(lane)], event)
    redis.call('HINCRBY', KEYS[1], 'pending', 1)
    if redis.call('SADD', KEYS[2], name) == 1 then woken[#woken + 1] = name end
  end
end
redis.call('HSET', KEYS[3], 'cursor', ARGV[3], 'status', ARGV[4], 'updated_at', ARGV[5])
redis.call('HINCRBY', KEYS[3], 'members', members)
if ARGV[6] == 'whole' then redis.call('UNLINK', KEYS[4]) end
return woken
