-- read-partition.lua: answers from one instant where a partition stands, and if asked for, the
-- counts of some predicates.
--
-- KEYS  meta, log, inbox, counts, counted, failed, delivered, due, fanouts_since
-- ARGV  partitions, failures, since_number, since_nonce, ring; then predicate ids
--   partitions: how many there are, to be told what was sent, delivered and lost (0: not asked for)
--   failures: what is known of them, as it was answered
--   since_number, since_nonce: a commit; the counts that changed after it are asked for ('': not)
--   ring: how many commits `counted` holds
-- returns number and nonce (of the last commit), position, end (of the log: what is applied as a
--       whole, and the last entry), inboxPosition, inboxEnd, clockMs, catalogVersion, telling (the
--       lowest version of a switch that the feed is telling; 0: none), serverMs (the time of this
--       server), dueMs ('' if nothing is due), failures (names the present ones),
--       failed (by predicate id: why; empty if they are known), sent and delivered (by partition
--       'epoch sequence', joined by commas), fanning (the oldest commit whose news some holder has
--       not seen; 0: none), loss ('resynchronizing' while state is sent anew from or to here,
--       'broken' if a message could not be applied, '' if all is well), since ('known': `changed`
--       is all that has changed; 'unknown': that commit is none of the latest), changed (predicate
--       ids and counts), counts; a count is '' for a predicate that is not answered for
local stored = redis.call(
  'HMGET', meta, 'number', 'nonce', 'log', 'inbox', 'clock', 'catalog', 'failures', 'telling'
)
local number, nonce, position = tonumber(stored[1] or '0'), stored[2] or '', stored[3] or '0-0'
local inbox_position, present = stored[4] or '0-0', stored[7] or ''

-- An entry may be large: only one that is not applied is read.
local function last_entry(stream, applied)
  local last = redis.call('XREVRANGE', stream, '+', '(' .. applied, 'COUNT', 1)
  return last[1] and last[1][1] or applied
end

local function by_partition(key, name)
  local names = {}
  for each = 1, tonumber(partitions) do names[each] = name .. (each - 1) end
  return redis.call('HMGET', key, unpack(names))
end

local function has_any(family)
  local values = by_partition(meta, family)
  for each = 1, #values do
    if values[each] then return true end
  end
  return false
end

local sent, arrived, fanning, loss = {}, {}, 0, ''
if partitions ~= '0' then
  sent, arrived = by_partition(meta, 'sent:'), by_partition(delivered, 'p')
  for each = 1, #sent do
    sent[each] = sent[each] or ''
    arrived[each] = arrived[each] and string.match(arrived[each], '^%d+ %-?%d+') or ''
  end
  fanning = tonumber(redis.call('ZRANGE', fanouts_since, 0, 0, 'WITHSCORES')[2] or '0')
  if has_any('broken:') then
    loss = 'broken'
  elseif has_any('resending:') or has_any('receiving:') then
    loss = 'resynchronizing'
  end
end

-- What each commit counted, back to the one that is known.
local since, changed_ids = 'unknown', {}
local first, size = tonumber(since_number), tonumber(ring)
if first and first == number and since_nonce == nonce then
  since = 'known'
elseif first and first < number and number - first < size then
  local slots = {}
  for each = first, number do slots[#slots + 1] = each % size end
  local commits, seen = redis.call('HMGET', counted, unpack(slots)), {}
  since = 'known'
  for at = 1, #commits do
    local of, by, ids = string.match(commits[at] or '', '^(%d+) (%S+) ?(.*)$')
    local is_last = at < #commits or by == nonce
    local is_whole = at == 1 or ids ~= '*'
    if tonumber(of) ~= first + at - 1 or not is_whole or not is_last then since = 'unknown' end
    if at == 1 and by ~= since_nonce then since = 'unknown' end
    if since == 'unknown' then break end
    for id in string.gmatch(at > 1 and ids or '', '%d+') do
      if not seen[id] then changed_ids[#changed_ids + 1] = id end
      seen[id] = true
    end
  end
end
if since == 'unknown' then changed_ids = {} end

-- 5000 a call: Lua's unpack fails near 8000 arguments.
local function counts_of(ids, from, each)
  for at = from, #ids, 5000 do
    local some = redis.call('HMGET', counts, unpack(ids, at, math.min(at + 4999, #ids)))
    for i = 1, #some do each(ids[at + i - 1], some[i] or '') end
  end
end
local changed, asked = {}, {}
counts_of(changed_ids, 1, function(id, count)
  changed[#changed + 1] = id
  changed[#changed + 1] = count
end)
counts_of(ARGV, more, function(_, count) asked[#asked + 1] = count end)

local time = redis.call('TIME')
return {
  'number', number,
  'nonce', nonce,
  'position', position,
  'end', last_entry(log, position),
  'inboxPosition', inbox_position,
  'inboxEnd', last_entry(inbox, inbox_position),
  'clockMs', tonumber(stored[5] or '0'),
  'catalogVersion', tonumber(stored[6] or '0'),
  'telling', tonumber(stored[8] or '0'),
  'serverMs', time[1] * 1000 + math.floor(time[2] / 1000),
  'dueMs', redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2] or '',
  'failures', present,
  'failed', present ~= failures and redis.call('HGETALL', failed) or {},
  'sent', table.concat(sent, ','),
  'delivered', table.concat(arrived, ','),
  'fanning', fanning,
  'loss', loss,
  'since', since,
  'changed', changed,
  'counts', asked,
}
