-- read-explained.lua: reads one record, its state, whether a set holds it, and the rows that its
-- partition keeps of its neighbours, all at one instant.
--
-- KEYS  records, heads, blocks, members (the set; any other key of the partition if none is asked
--       for); then hashes of rows
-- ARGV  id, is_asked (1: whether the set holds it); then for each of these hashes how many fields,
--       and these
-- returns record and state ('' if there is none), member (1 or 0), serverMs, rows (of each hash in
--       turn the values of its fields; '' for one that is not there)
local time = redis.call('TIME')
local rows, at = {}, more
for key = more_keys, #KEYS do
  local last = at + tonumber(ARGV[at])
  -- 5000 a call: Lua's unpack fails near 8000 arguments.
  for from = at + 1, last, 5000 do
    local some = redis.call('HMGET', KEYS[key], unpack(ARGV, from, math.min(from + 4999, last)))
    for i = 1, #some do rows[#rows + 1] = some[i] or '' end
  end
  at = last + 1
end
return {
  'record', redis.call('HGET', records, id) or '',
  'state', read_state(heads, blocks, id) or '',
  'member', is_asked == '1' and redis.call('SISMEMBER', members, id) or 0,
  'serverMs', time[1] * 1000 + math.floor(time[2] / 1000),
  'rows', rows,
}
