-- read-history.lua: reads from one instant where the history of a partition stands, what its feed
-- tells that is not folded, and if asked for, what is kept of some segments in some months.
--
-- KEYS  meta, feed, history, history_months, history_sizes; then the hashes of months
-- ARGV  entries_max, bytes_max; then feed ids
--   entries_max, bytes_max: when they are reached, no further entry is read
-- returns mark (names this state of the history), folded (the last entry that is), keptFrom,
--       dailyTo, entries (ids and packed entries in turn), isEnd (1: these are all), sizes (fields
--       and values), months (names and bytes), open (by feed id: the packed hour; false if there is
--       none), rows (by month and feed id: the packed buckets)
local stored = redis.call('HMGET', history, 'mark', 'kept-from', 'daily-to', 'folded')
-- What `meta` says is for commits. Were it lost, what is folded would be folded once more.
local folded = stored[4] or redis.call('HGET', meta, 'history-folded') or '0-0'

local PAGE = 32
local most, room = tonumber(entries_max), tonumber(bytes_max)
local entries, is_end = {}, 1
local from = '(' .. folded
repeat
  local page = redis.call('XRANGE', feed, from, '+', 'COUNT', PAGE)
  for each = 1, #page do
    if #entries >= most * 2 or room <= 0 then is_end = 0 break end
    local id, packed = page[each][1], page[each][2][2]
    entries[#entries + 1] = id
    entries[#entries + 1] = packed
    room = room - #packed
    from = '(' .. id
  end
until #page < PAGE or is_end == 0

local feed_ids = {}
for at = more, #ARGV do feed_ids[#feed_ids + 1] = ARGV[at] end
local open, rows = {}, {}
if #feed_ids > 0 then
  open = redis.call('HMGET', history, unpack(feed_ids))
  for at = more_keys, #KEYS do
    local row = redis.call('HMGET', KEYS[at], unpack(feed_ids))
    for each = 1, #row do rows[#rows + 1] = row[each] end
  end
end

return {
  'mark', stored[1] or '',
  'folded', folded,
  'keptFrom', stored[2] or '',
  'dailyTo', stored[3] or '',
  'entries', entries,
  'isEnd', is_end,
  'sizes', redis.call('HGETALL', history_sizes),
  'months', redis.call('HGETALL', history_months),
  'open', open,
  'rows', rows,
}
