-- find-told.lua: finds the latest entries of a feed that may tell of a record, or tell news of
-- segments.
--
-- Keeps true: what it looks at is bounded, so that the shard is held for a millisecond or two.
--
-- KEYS  feed
-- ARGV  before (as XREVRANGE takes it), entries_max, bytes_max (looked at), named (the id of the
--       record as it is written), no_news (what is written where there is no news of segments)
-- returns entries (id and content of each in turn, the newest first), looked (how many were looked
--         at), bytes (of these), last (the last of these; '' if none follows it)
entries_max, bytes_max = tonumber(entries_max), tonumber(bytes_max)
local entries, looked, bytes, last = {}, 0, 0, ''
while looked < entries_max and bytes < bytes_max do
  local found = redis.call('XREVRANGE', feed, before, '-', 'COUNT', 1)
  if #found == 0 then
    last = ''
    break
  end
  local content = found[1][2][2]
  last = found[1][1]
  looked, bytes, before = looked + 1, bytes + #content, '(' .. last
  if content:find(named, 1, true) or not content:find(no_news, 1, true) then
    entries[#entries + 1], entries[#entries + 2] = last, content
  end
end
return { 'entries', entries, 'looked', looked, 'bytes', bytes, 'last', last }
