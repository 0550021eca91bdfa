-- cut-feed.lua: takes away what a feed tells up to an entry that it has lost, so that no reader
-- passes over the loss: who stands before it is told that it is gone.
--
-- KEYS  feed, meta
-- ARGV  lost (the id of the last entry that is missing), next (the lowest id after it)
-- returns 'cut' | 'moved' (more than that has been trimmed by now)
local function comes_before(id, other)
  local ms, sequence = string.match(id, '^(%d+)%-(%d+)$')
  local other_ms, other_sequence = string.match(other, '^(%d+)%-(%d+)$')
  ms, other_ms = tonumber(ms), tonumber(other_ms)
  return ms < other_ms or (ms == other_ms and tonumber(sequence) < tonumber(other_sequence))
end
local trimmed = redis.call('HGET', meta, 'feed-trimmed') or '0-0'
if not comes_before(trimmed, lost) then return 'moved' end
redis.call('XTRIM', feed, 'MINID', '=', next)
redis.call('HSET', meta, 'feed-trimmed', lost)
return 'cut'
