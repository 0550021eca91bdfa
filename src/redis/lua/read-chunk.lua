-- read-chunk.lua: reads the records that follow an id, with their states, in the order of ids.
--
-- Keeps true: what is answered weighs no more than bytes_max beside its last record.
--
-- KEYS  ids, records, heads (of their states), blocks (further ones of these)
-- ARGV  after ('' for the first ones), most, bytes_max
-- returns rows (id, record and state of each in turn), isEnd (1 if no more follow)
most, bytes_max = tonumber(most), tonumber(bytes_max)
local from = after == '' and '-' or '(' .. after
local found = redis.call('ZRANGEBYLEX', ids, from, '+', 'LIMIT', 0, most)
local rows, bytes, taken = {}, 0, 0
for _, id in ipairs(found) do
  local record = redis.call('HGET', records, id)
  rows[#rows + 1] = id
  rows[#rows + 1] = record
  rows[#rows + 1] = read_state(heads, blocks, id)
  taken = taken + 1
  bytes = bytes + (record and #record or 0)
  if bytes > bytes_max then break end
end
return { 'rows', rows, 'isEnd', (#found < most and taken == #found) and 1 or 0 }
