-- deliver-entry.lua: appends one entry to a stream exactly once, whoever sends it again.
--
-- KEYS  1 stream (a log or an inbox), 2 delivered
-- ARGV  1 source, 2 epoch of the source, 3 base (in this epoch all up to it counts as delivered; 0: nothing does),
--       4 sequence (base + 1, base + 2, …), 5 most entries that may wait (0: any), 6 now in ms,
--       then the fields and values of the entry
-- returns {'appended', entry id} | {'duplicate', entry id or ''} (this sequence was appended before; the id if it was the last)
--       | {'gap', last sequence} (one before it is missing) | {'old', epoch} (the source has begun a new epoch)
--       | {'full', entries} (nothing was appended)
local source, epoch, base = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local sequence, most = tonumber(ARGV[4]), tonumber(ARGV[5])

local known_epoch, known_sequence, known_entry = epoch, 0, ''
local known = redis.call('HGET', KEYS[2], source)
if known then
  local g, s, e = string.match(known, '^(%d+) (%-?%d+) (%S+)')
  known_epoch, known_sequence, known_entry = tonumber(g), tonumber(s), e
  if epoch < known_epoch then return { 'old', g } end
end
if epoch > known_epoch then known_sequence, known_entry = 0, '' end
if known_sequence < base then known_sequence, known_entry = base, '' end
if sequence == known_sequence then return { 'duplicate', known_entry } end
if sequence < known_sequence then return { 'duplicate', '' } end
if sequence > known_sequence + 1 then return { 'gap', tostring(known_sequence) } end
if most > 0 then
  local waiting = redis.call('XLEN', KEYS[1])
  if waiting >= most then return { 'full', tostring(waiting) } end
end

local entry = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 7))
-- The numbers as they were given: Lua would print a long one as 1.7e+15.
redis.call('HSET', KEYS[2], source, ARGV[2] .. ' ' .. ARGV[4] .. ' ' .. entry .. ' ' .. ARGV[6])
return { 'appended', entry }
