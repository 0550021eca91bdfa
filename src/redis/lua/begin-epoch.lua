-- begin-epoch.lua: begins a new epoch of a source: what was sent under an older one and is still
-- under way is refused.
--
-- KEYS  delivered
-- ARGV  source, seen, epoch, sequence, now_ms
--   seen: what is stored of the source now ('': nothing); sequence: the last one in the new epoch
-- returns 'begun' | 'moved' (something else is stored by now: read it again)
-- It compares before it sets: a copy of this call that comes late can't close an epoch that was
-- begun after it.
local stored = redis.call('HGET', delivered, source) or ''
if stored ~= seen then return 'moved' end

local entry = string.match(stored, '^%d+ %-?%d+ (%S+)') or '-'
redis.call('HSET', delivered, source, table.concat({ epoch, sequence, entry, now_ms }, ' '))
return 'begun'
