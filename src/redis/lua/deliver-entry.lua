-- deliver-entry.lua: appends one entry to a stream exactly once, whoever sends it again.
--
-- KEYS  stream, delivered
-- ARGV  source, epoch, base, sequence, entries_max, now_ms; then fields and values of the entry
--   base: in this epoch all up to it counts as delivered (0: nothing does), so that sequences are
--   base + 1, base + 2, …; entries_max: how many may wait (0: any number)
-- returns status 'appended', entry (its id)
--       | status 'duplicate' (appended before), entry (its id if it was the last one, else '')
--       | status 'gap', last (one after this sequence is missing)
--       | status 'old', epoch (the source has begun a newer one)
--       | status 'full', entries (so many wait; nothing was appended)
local epoch_number, base_number = tonumber(epoch), tonumber(base)
local this, most = tonumber(sequence), tonumber(entries_max)

local known_epoch, known_sequence, known_entry = epoch_number, 0, ''
local known = redis.call('HGET', delivered, source)
if known then
  local e, s, entry = string.match(known, '^(%d+) (%-?%d+) (%S+)')
  known_epoch, known_sequence, known_entry = tonumber(e), tonumber(s), entry
  if epoch_number < known_epoch then return { 'status', 'old', 'epoch', known_epoch } end
end
if epoch_number > known_epoch then known_sequence, known_entry = 0, '' end
if known_sequence < base_number then known_sequence, known_entry = base_number, '' end
if this == known_sequence then return { 'status', 'duplicate', 'entry', known_entry } end
if this < known_sequence then return { 'status', 'duplicate', 'entry', '' } end
if this > known_sequence + 1 then return { 'status', 'gap', 'last', known_sequence } end
if most > 0 then
  local waiting = redis.call('XLEN', stream)
  if waiting >= most then return { 'status', 'full', 'entries', waiting } end
end

local entry = redis.call('XADD', stream, '*', unpack(ARGV, more))
-- The numbers as they were given: Lua would print a long one as 1.7e+15.
redis.call('HSET', delivered, source, table.concat({ epoch, sequence, entry, now_ms }, ' '))
return { 'status', 'appended', 'entry', entry }
