-- settle-webhook.lua: takes note of what came of an attempt to deliver the first event of a lane.
--
-- KEYS  state, lanes, lane, attempts, dead, dead_order
-- ARGV  outcome, id, name, now_ms, failure, attempts_max, run_max, run_ms, dead_max, outage
--   lanes: names of those that hold something; attempts: failed ones of each lane's first event,
--   and which delay it is at; outcome: 'delivered', 'failed' or 'gone'; id: of the event; name: of
--   the lane; attempts_max: after so many it is dead; run_max, run_ms: failed attempts in a row,
--   and their time, after which the activation is disabled; outage: failed ones in a row that are
--   one
-- returns next 'next' (it is delivered) | 'back' (delivered after an outage: all delays begin anew)
--       | 'retry', delay (the number of the delay) | 'dead' | 'disabled' (it stays where it is)
--       | 'moved' (it was not the first event of the lane any more)
local event = redis.call('LINDEX', lane, 0)
if not event or event:match('^%S+') ~= id then return { 'next', 'moved' } end

local function take()
  redis.call('LPOP', lane)
  redis.call('HDEL', attempts, name, 'delay ' .. name)
  redis.call('HINCRBY', state, 'pending', -1)
  if redis.call('LLEN', lane) == 0 then redis.call('SREM', lanes, name) end
end

if outcome == 'delivered' then
  take()
  local was_out = tonumber(redis.call('HGET', state, 'failures') or '0') >= tonumber(outage)
  redis.call('HSET', state, 'failures', 0, 'last_success_at', now_ms)
  redis.call('HDEL', state, 'failing_since')
  redis.call('HINCRBY', state, 'delivered', 1)
  if not was_out then return { 'next', 'next' } end
  for _, field in ipairs(redis.call('HKEYS', attempts)) do
    if field:match('^delay ') then redis.call('HDEL', attempts, field) end
  end
  return { 'next', 'back' }
end

redis.call('HSETNX', state, 'failing_since', now_ms)
redis.call('HSET', state, 'last_error', failure, 'last_failure_at', now_ms)
local run = redis.call('HINCRBY', state, 'failures', 1)
local tried = redis.call('HINCRBY', attempts, name, 1)
local since_ms = tonumber(redis.call('HGET', state, 'failing_since'))
local is_long = tonumber(now_ms) - since_ms >= tonumber(run_ms)
if outcome == 'gone' or (run >= tonumber(run_max) and is_long) then
  redis.call('HSET', state, 'status', 'disabled', 'disabled_at', now_ms)
  return { 'next', 'disabled' }
end
if redis.call('HGET', state, 'status') == 'disabled' then return { 'next', 'disabled' } end
if tried < tonumber(attempts_max) then
  return { 'next', 'retry', 'delay', redis.call('HINCRBY', attempts, 'delay ' .. name, 1) }
end

take()
redis.call('HSET', dead, id, cjson.encode({ tried, tonumber(now_ms), failure, event }))
redis.call('ZADD', dead_order, redis.call('HINCRBY', state, 'letters', 1), id)
if redis.call('ZCARD', dead_order) > tonumber(dead_max) then
  redis.call('HDEL', dead, redis.call('ZPOPMIN', dead_order)[1])
  redis.call('HINCRBY', state, 'dropped', 1)
end
return { 'next', 'dead' }
