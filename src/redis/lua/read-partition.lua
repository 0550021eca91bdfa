-- read-partition.lua: answers from one instant where a partition stands, and the counts of some ordinals.
--
-- KEYS  1 meta, 2 log, 3 inbox, 4 counts
-- ARGV  ordinals…
-- returns {install id or '', commit number, position in the log, last entry of the log, position in the inbox, last entry of
--       the inbox, clock, catalog version, time of this server in ms, count or '' per ordinal…}
local meta = redis.call('HMGET', KEYS[1], 'install', 'number', 'log', 'inbox', 'clock', 'catalog')

local function last_entry(stream, position)
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)
  return last[1] and last[1][1] or position
end

local log, inbox = meta[3] or '0-0', meta[4] or '0-0'
local time = redis.call('TIME')
local answer = { meta[1] or '', meta[2] or '0', log, last_entry(KEYS[2], log), inbox, last_entry(KEYS[3], inbox),
  meta[5] or '0', meta[6] or '0', tostring(time[1] * 1000 + math.floor(time[2] / 1000)) }
if #ARGV > 0 then
  -- 5000 a call: Lua's unpack fails near 8000 arguments.
  for first = 1, #ARGV, 5000 do
    local counts = redis.call('HMGET', KEYS[4], unpack(ARGV, first, math.min(first + 4999, #ARGV)))
    for i = 1, #counts do answer[#answer + 1] = counts[i] or '' end
  end
end
return answer
