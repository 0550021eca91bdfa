-- read-feed.lua: reads what follows a place in the feed of a partition, and where it stands.
--
-- Keeps true: all of it is of one instant. What is answered weighs no more than bytes_max beside
-- its last entry.
--
-- KEYS  feed, meta
-- ARGV  from (as XRANGE takes it), entries_max (0: only where it stands), bytes_max
-- returns entries (id and content of each in turn), isEnd (1 if no more follow), number, clockMs,
--         catalogVersion, trimmed (the last entry that is gone), last (the last one that was
--         told), epochs (JSON)
entries_max, bytes_max = tonumber(entries_max), tonumber(bytes_max)
local entries, taken, bytes, is_end = {}, 0, 0, 0
while taken < entries_max and bytes <= bytes_max and is_end == 0 do
  local found = redis.call('XRANGE', feed, from, '+', 'COUNT', 1)
  if #found == 0 then
    is_end = 1
  else
    local id, content = found[1][1], found[1][2][2]
    entries[#entries + 1], entries[#entries + 2] = id, content
    taken, bytes, from = taken + 1, bytes + #content, '(' .. id
  end
end
local meta_fields =
  redis.call('HMGET', meta, 'number', 'clock', 'catalog', 'feed-trimmed', 'feed', 'feed-epochs')
return {
  'entries', entries, 'isEnd', is_end,
  'number', tonumber(meta_fields[1] or '0'), 'clockMs', tonumber(meta_fields[2] or '0'),
  'catalogVersion', tonumber(meta_fields[3] or '0'),
  'trimmed', meta_fields[4] or '0-0', 'last', meta_fields[5] or '0-0',
  'epochs', meta_fields[6] or '[]',
}
