-- remove-letter.lua: removes one dead letter.
--
-- KEYS  dead, dead_index
-- ARGV  id
-- returns 'removed' | 'unknown' (there is no such letter)
local entry = redis.call('XRANGE', dead, id, id)[1]
if not entry then return 'unknown' end
drop_letter(dead, dead_index, id, entry[2])
return 'removed'
