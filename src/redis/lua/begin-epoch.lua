-- begin-epoch.lua: begins a new epoch of a source: what was sent under an older one and is still under way is refused.
--
-- KEYS  1 delivered
-- ARGV  1 source, 2 what is stored of it now ('' if nothing), 3 the new epoch, 4 its last sequence, 5 now in ms
-- returns 'begun' | 'moved' (something else is stored by now: read it again)
-- Compares before it sets, so that a copy of this call that comes late can't close an epoch that somebody began after it.
local stored = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if stored ~= ARGV[2] then return 'moved' end

local entry = string.match(stored, '^%d+ %-?%d+ (%S+)') or '-'
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3] .. ' ' .. ARGV[4] .. ' ' .. entry .. ' ' .. ARGV[5])
return 'begun'
