-- settle-webhook.lua: takes note of what came of an attempt to deliver the first event of a lane.
--
-- KEYS  1 state, 2 names of the lanes that hold something, 3 the lane, 4 failed attempts of each lane's first
--       event, and which delay it is at, 5 dead letters, 6 their order
-- ARGV  1 'delivered', 'failed' or 'gone', 2 event id, 3 name of the lane, 4 now in ms, 5 error, 6 attempts after which it is dead,
--       7 failed attempts in a row and 8 their time in ms after which the activation is disabled, 9 most dead letters, 10 failed
--       attempts in a row that are an outage of the receiver
-- returns {'next'} (it is delivered) | {'back'} (it is delivered, after an outage: all delays begin anew) | {'retry', delay} {'dead'} |
--       {'disabled'} (it stays where it is) | {'moved'} (it was not the first event of the lane any more)
local outcome, id, name, now, failure = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local attempts_max, run_max, run_ms, dead_max = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local outage = tonumber(ARGV[10])

local event = redis.call('LINDEX', KEYS[3], 0)
if not event or event:match('^%S+') ~= id then return { 'moved' } end

local function take()
  redis.call('LPOP', KEYS[3])
  redis.call('HDEL', KEYS[4], name, 'delay ' .. name)
  redis.call('HINCRBY', KEYS[1], 'pending', -1)
  if redis.call('LLEN', KEYS[3]) == 0 then redis.call('SREM', KEYS[2], name) end
end

if outcome == 'delivered' then
  take()
  local was_out = tonumber(redis.call('HGET', KEYS[1], 'failures') or '0') >= outage
  redis.call('HSET', KEYS[1], 'failures', 0, 'last_success_at', now)
  redis.call('HDEL', KEYS[1], 'failing_since')
  redis.call('HINCRBY', KEYS[1], 'delivered', 1)
  if not was_out then return { 'next' } end
  for _, field in ipairs(redis.call('HKEYS', KEYS[4])) do
    if field:match('^delay ') then redis.call('HDEL', KEYS[4], field) end
  end
  return { 'back' }
end

redis.call('HSETNX', KEYS[1], 'failing_since', now)
redis.call('HSET', KEYS[1], 'last_error', failure, 'last_failure_at', now)
local run = redis.call('HINCRBY', KEYS[1], 'failures', 1)
local attempts = redis.call('HINCRBY', KEYS[4], name, 1)
local since = tonumber(redis.call('HGET', KEYS[1], 'failing_since'))
if outcome == 'gone' or (run >= run_max and tonumber(now) - since >= run_ms) then
  redis.call('HSET', KEYS[1], 'status', 'disabled', 'disabled_at', now)
  return { 'disabled' }
end
if redis.call('HGET', KEYS[1], 'status') == 'disabled' then return { 'disabled' } end
if attempts < attempts_max then return { 'retry', redis.call('HINCRBY', KEYS[4], 'delay ' .. name, 1) } end

take()
redis.call('HSET', KEYS[5], id, cjson.encode({ attempts, tonumber(now), failure, event }))
redis.call('ZADD', KEYS[6], redis.call('HINCRBY', KEYS[1], 'letters', 1), id)
if redis.call('ZCARD', KEYS[6]) > dead_max then
  redis.call('HDEL', KEYS[5], redis.call('ZPOPMIN', KEYS[6])[1])
  redis.call('HINCRBY', KEYS[1], 'dropped', 1)
end
return { 'dead' }
