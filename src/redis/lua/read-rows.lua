-- read-rows.lua: reads some rows of a partition if they may be held together, and says what each
-- weighs if not.
--
-- Keeps true: what is answered weighs little, or no more than the caller allows, whatever was
-- stored.
--
-- KEYS  then for each type the hashes of its records, of the heads of their states, and of the
--       further blocks of these
-- ARGV  bytes_max; then for each type how many ids, and these
-- returns kind 'rows', rows (record and state of each in turn) | kind 'heavy', bytes (of each)
local weights, bytes, at = {}, 0, more
for type = more_keys, #KEYS, 3 do
  local last = at + tonumber(ARGV[at])
  for i = at + 1, last do
    local weight = redis.call('HSTRLEN', KEYS[type], ARGV[i])
    bytes = bytes + weight
    weights[#weights + 1] = weight
  end
  at = last + 1
end
if bytes > tonumber(bytes_max) then return { 'kind', 'heavy', 'bytes', weights } end

local rows, nth = {}, 0
at = more
for type = more_keys, #KEYS, 3 do
  local last = at + tonumber(ARGV[at])
  for i = at + 1, last do
    nth = nth + 1
    -- most of what is written for the first time is not there: one command for each of these
    local is_there = weights[nth] > 0
    rows[#rows + 1] = is_there and redis.call('HGET', KEYS[type], ARGV[i])
    rows[#rows + 1] = is_there and read_state(KEYS[type + 1], KEYS[type + 2], ARGV[i])
  end
  at = last + 1
end
return { 'kind', 'rows', 'rows', rows }
