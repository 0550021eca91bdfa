-- retry-letter.lua: appends the change of a dead letter to the log of its partition, and removes
-- the letter, both or neither: it is applied once, whoever asks for it and however often.
--
-- KEYS  dead, dead_index, log, delivered
-- ARGV  id, source, entries_max, now_ms; then fields and values of the entry
--   source: names this attempt: one whose answer was lost is sent again under the same name
--   entries_max: how many may wait in the log
-- returns 'retried' | 'unknown' (there is no such letter any more) | 'full' (of the log)
if redis.call('HEXISTS', delivered, source) == 1 then return 'retried' end
local letter = redis.call('XRANGE', dead, id, id)[1]
if not letter then return 'unknown' end
if redis.call('XLEN', log) >= tonumber(entries_max) then return 'full' end
local entry = redis.call('XADD', log, '*', unpack(ARGV, more))
redis.call('HSET', delivered, source, table.concat({ 1, 1, entry, now_ms }, ' '))
drop_letter(dead, dead_index, id, letter[2])
return 'retried'
