-- read-partition.lua: answers from one instant where a partition stands, and the counts of some predicate ids.
--
-- KEYS  1 meta, 2 log, 3 inbox, 4 counts, 5 delivered, 6 due
-- ARGV  predicate ids…
-- returns {install id or '', commit number, position in the log, last entry of the log, position in the inbox, last entry of
--       the inbox, clock, catalog version, time of this server in ms, traffic, score of the first entry of `due` or '',
--       count or '' per predicate id…}
--       Traffic is JSON: what was `sent` per target and `delivered` per source partition, each as 'epoch sequence'; the
--       commit with which the oldest fan-out that runs began (`fanning`, absent if none does); `loss`: 'resynchronizing' while
--       state is sent anew from or to here, 'broken' if a message could not be applied, absent if all is well; `failed`: why, per
--       predicate id that has failed here, absent if none has.
local meta = redis.call('HMGET', KEYS[1], 'install', 'number', 'log', 'inbox', 'clock', 'catalog')

local function last_entry(stream, position)
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)
  return last[1] and last[1][1] or position
end

local log, inbox = meta[3] or '0-0', meta[4] or '0-0'
local time = redis.call('TIME')
local answer = { meta[1] or '', meta[2] or '0', log, last_entry(KEYS[2], log), inbox, last_entry(KEYS[3], inbox),
  meta[5] or '0', meta[6] or '0', tostring(time[1] * 1000 + math.floor(time[2] / 1000)), '', '' }

local sent, delivered, fanning, loss, failed = {}, {}, nil, nil, nil
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  local target = string.match(fields[i], '^sent:(%d+)$')
  if target then sent[target] = fields[i + 1] end
  local predicate_id = string.match(fields[i], '^failed:(%d+)$')
  if predicate_id then
    failed = failed or {}
    failed[predicate_id] = fields[i + 1]
  end
  if string.find(fields[i], '^resync') then loss = loss or 'resynchronizing' end
  if string.find(fields[i], '^broken:') then loss = 'broken' end
  if string.sub(fields[i], 1, 7) == 'fanout:' then
    local since = cjson.decode(fields[i + 1]).since
    if not fanning or since < fanning then fanning = since end
  end
end
local sources = redis.call('HGETALL', KEYS[5])
for i = 1, #sources, 2 do
  local source = string.match(sources[i], '^p(%d+)$')
  if source then delivered[source] = string.match(sources[i + 1], '^%d+ %-?%d+') end
end
local due = redis.call('ZRANGE', KEYS[6], 0, 0, 'WITHSCORES')
answer[11] = due[2] or ''
answer[10] = cjson.encode({ sent = sent, delivered = delivered, fanning = fanning, loss = loss, failed = failed })
if #ARGV > 0 then
  -- 5000 a call: Lua's unpack fails near 8000 arguments.
  for first = 1, #ARGV, 5000 do
    local counts = redis.call('HMGET', KEYS[4], unpack(ARGV, first, math.min(first + 4999, #ARGV)))
    for i = 1, #counts do answer[#answer + 1] = counts[i] or '' end
  end
end
return answer
