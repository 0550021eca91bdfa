-- first-webhooks.lua: reads the first events of a lane, as many as weigh no more than is wanted;
-- the first one whatever it weighs.
--
-- KEYS  lane
-- ARGV  events_max, bytes_max
-- returns the events, in their order
local events, bytes = {}, 0
for at = 0, tonumber(events_max) - 1 do
  local event = redis.call('LINDEX', lane, at)
  if not event then break end
  bytes = bytes + #event
  if at > 0 and bytes > tonumber(bytes_max) then break end
  events[at + 1] = event
end
return events
