-- note-trying.lua: notes what the owner of a partition is about to try, so that whoever comes after it knows what it died under.
--
-- KEYS  1 owner, 2 meta
-- ARGV  1 token, 2 the note ('': there is nothing to be careful about any more)
-- returns 'noted' | 'fenced' (another token holds the partition)
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 'fenced' end

if ARGV[2] == '' then
  redis.call('HDEL', KEYS[2], 'care', 'deserted')
else
  redis.call('HSET', KEYS[2], 'care', ARGV[2])
end
return 'noted'
