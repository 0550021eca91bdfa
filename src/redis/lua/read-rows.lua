-- read-rows.lua: reads some rows of a partition if they may be held together, and says what each weighs if not.
--
-- Keeps true: what is answered weighs little, or no more than the caller allows, whatever was stored.
--
-- KEYS  1 a hash of records, 2 the hash of their states; two more for each further type
-- ARGV  most bytes; for each type: how many ids, and these
-- returns 'rows' and record, state of each; or 'heavy' and the bytes of each
local weights, bytes, at = {'heavy'}, 0, 2
for type = 1, #KEYS, 2 do
  local last = at + tonumber(ARGV[at])
  for i = at + 1, last do
    local weight = redis.call('HSTRLEN', KEYS[type], ARGV[i])
    bytes = bytes + weight
    weights[#weights + 1] = weight
  end
  at = last + 1
end
if bytes > tonumber(ARGV[1]) then return weights end

local rows, nth = {'rows'}, 1
at = 2
for type = 1, #KEYS, 2 do
  local last = at + tonumber(ARGV[at])
  for i = at + 1, last do
    nth = nth + 1
    -- most of what is written for the first time is not there: one command for each of these
    local isThere = weights[nth] > 0
    rows[#rows + 1] = isThere and redis.call('HGET', KEYS[type], ARGV[i])
    rows[#rows + 1] = isThere and redis.call('HGET', KEYS[type + 1], ARGV[i])
  end
  at = last + 1
end
return rows
