-- first-webhooks.lua: reads the first events of a lane, as many as weigh no more than is wanted; the first one whatever it weighs.
--
-- KEYS  1 the lane
-- ARGV  1 most events, 2 most bytes
-- returns the events, in their order
local events, bytes = {}, 0
for at = 0, tonumber(ARGV[1]) - 1 do
  local event = redis.call('LINDEX', KEYS[1], at)
  if not event then break end
  bytes = bytes + #event
  if at > 0 and bytes > tonumber(ARGV[2]) then break end
  events[at + 1] = event
end
return events
