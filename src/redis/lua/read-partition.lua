-- read-partition.lua: answers from one instant where a partition stands, and the counts of some
-- predicates.
--
-- KEYS  meta, log, inbox, counts, delivered, due, fanouts_since
-- ARGV  then predicate ids
-- returns install ('' if there is none), number (of the last commit), position, end (of the log:
--       what is applied as a whole, and the last entry), inboxPosition, inboxEnd, clockMs,
--       catalogVersion, serverMs (the time of this server), dueMs ('' if nothing is due), sent
--       (names and values: by target 'epoch sequence'), delivered (by source partition), fanning
--       (the oldest commit whose news some holder has not seen; 0: no fan-out runs), loss
--       ('resynchronizing' while state is sent anew from or to here, 'broken' if a message could
--       not be applied, '' if all is well), failed (by predicate id: why), counts ('' for a
--       predicate that is not answered for)
local stored = redis.call('HMGET', meta, 'install', 'number', 'log', 'inbox', 'clock', 'catalog')

local function last_entry(stream, position)
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)
  return last[1] and last[1][1] or position
end

local sent, failed, loss = {}, {}, ''
local fields = redis.call('HGETALL', meta)
for i = 1, #fields, 2 do
  local family, of = string.match(fields[i], '^(%l+):(.*)$')
  if family == 'sent' then
    sent[#sent + 1] = of
    sent[#sent + 1] = fields[i + 1]
  elseif family == 'failed' and string.find(of, '^%d+$') then
    failed[#failed + 1] = of
    failed[#failed + 1] = fields[i + 1]
  elseif family == 'resending' or family == 'receiving' then
    if loss == '' then loss = 'resynchronizing' end
  elseif family == 'broken' then
    loss = 'broken'
  end
end

local arrived = {}
local sources = redis.call('HGETALL', delivered)
for i = 1, #sources, 2 do
  local source = string.match(sources[i], '^p(%d+)$')
  if source then
    arrived[#arrived + 1] = source
    arrived[#arrived + 1] = string.match(sources[i + 1], '^%d+ %-?%d+')
  end
end

local counted = {}
-- 5000 a call: Lua's unpack fails near 8000 arguments.
for first = more, #ARGV, 5000 do
  local some = redis.call('HMGET', counts, unpack(ARGV, first, math.min(first + 4999, #ARGV)))
  for i = 1, #some do counted[#counted + 1] = some[i] or '' end
end

local position, inbox_position = stored[3] or '0-0', stored[4] or '0-0'
local time = redis.call('TIME')
return {
  'install', stored[1] or '',
  'number', tonumber(stored[2] or '0'),
  'position', position,
  'end', last_entry(log, position),
  'inboxPosition', inbox_position,
  'inboxEnd', last_entry(inbox, inbox_position),
  'clockMs', tonumber(stored[5] or '0'),
  'catalogVersion', tonumber(stored[6] or '0'),
  'serverMs', time[1] * 1000 + math.floor(time[2] / 1000),
  'dueMs', redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2] or '',
  'sent', sent,
  'delivered', arrived,
  'fanning', tonumber(redis.call('ZRANGE', fanouts_since, 0, 0, 'WITHSCORES')[2] or '0'),
  'loss', loss,
  'failed', failed,
  'counts', counted,
}
