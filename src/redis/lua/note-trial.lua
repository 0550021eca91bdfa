-- note-trial.lua: notes what the owner of a partition is about to try, so that a next owner knows
-- what it died under.
--
-- KEYS  owner, meta
-- ARGV  token, note
--   note: '' if there is nothing to be careful about any more
-- returns 'noted' | 'fenced' (another token holds the partition)
local holder = redis.call('GET', owner)
if holder and holder ~= token then return 'fenced' end

if note == '' then
  redis.call('HDEL', meta, 'trial', 'deserted')
else
  redis.call('HSET', meta, 'trial', note)
end
return 'noted'
