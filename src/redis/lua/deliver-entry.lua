-- deliver-entry.lua: appends one entry to a stream exactly once, whoever sends it again.
--
-- KEYS  1 stream (a log or an inbox), 2 delivered
-- ARGV  1 source, 2 generation of the source, 3 sequence (1, 2, …), 4 most entries that may wait (0: any), 5 now in ms,
--       then the fields and values of the entry
-- returns {'appended', entry id} | {'duplicate', entry id or ''} (this sequence was appended before; the id if it was the last)
--       | {'gap', last sequence} (one before it is missing) | {'old', generation} (the source has begun a new generation)
--       | {'full', entries} (nothing was appended)
local source, generation, sequence, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

local known_generation, known_sequence, known_entry = generation, 0, ''
local known = redis.call('HGET', KEYS[2], source)
if known then
  local g, s, e = string.match(known, '^(%d+) (%d+) (%S+)')
  known_generation, known_sequence, known_entry = tonumber(g), tonumber(s), e
end
if generation < known_generation then return { 'old', tostring(known_generation) } end
if generation > known_generation then known_sequence, known_entry = 0, '' end
if sequence == known_sequence then return { 'duplicate', known_entry } end
if sequence < known_sequence then return { 'duplicate', '' } end
if sequence > known_sequence + 1 then return { 'gap', tostring(known_sequence) } end
if most > 0 then
  local waiting = redis.call('XLEN', KEYS[1])
  if waiting >= most then return { 'full', tostring(waiting) } end
end

local entry = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 6))
redis.call('HSET', KEYS[2], source, generation .. ' ' .. sequence .. ' ' .. entry .. ' ' .. ARGV[5])
return { 'appended', entry }
