-- dead-letters.lua: the dead letters of a partition, a stream, and the index beside it, a hash:
-- `bytes` (what they weigh), `dropped` (how many have given way), and by record `<type>:<id>` the
-- ids of its letters, each between commas.
local function letter_bytes(fields)
  local bytes = 0
  for _, each in ipairs(fields) do bytes = bytes + #each end
  return bytes
end

local function letter_field(fields, name)
  for i = 1, #fields, 2 do if fields[i] == name then return fields[i + 1] end end
end

local function drop_letter(dead, dead_index, id, fields)
  redis.call('XDEL', dead, id)
  redis.call('HINCRBY', dead_index, 'bytes', -letter_bytes(fields))
  local record = letter_field(fields, 'record')
  local ids = record and redis.call('HGET', dead_index, record)
  local first, last = string.find(ids or '', ',' .. id .. ',', 1, true)
  if not first then return end
  local left = string.sub(ids, 1, first - 1) .. string.sub(ids, last + 1)
  if left == '' then redis.call('HDEL', dead_index, record)
  else redis.call('HSET', dead_index, record, left) end
end

-- Bounded by what is over its bounds; the newest letter stays, unless it is too old.
local function drop_letters(dead, dead_index, letters_max, bytes_max, oldest_ms)
  while true do
    local first = redis.call('XRANGE', dead, '-', '+', 'COUNT', 1)[1]
    if not first then return end
    local kept, bytes = redis.call('XLEN', dead), redis.call('HGET', dead_index, 'bytes')
    local is_heavy = kept > 1 and tonumber(bytes or 0) > tonumber(bytes_max)
    local is_old = tonumber(string.match(first[1], '^%d+')) < tonumber(oldest_ms)
    if kept <= tonumber(letters_max) and not is_heavy and not is_old then return end
    drop_letter(dead, dead_index, first[1], first[2])
    redis.call('HINCRBY', dead_index, 'dropped', 1)
  end
end

local function bury_letter(dead, dead_index, record, fields)
  local id = redis.call('XADD', dead, '*', unpack(fields))
  redis.call('HINCRBY', dead_index, 'bytes', letter_bytes(fields))
  if record == '' then return end
  local ids = redis.call('HGET', dead_index, record) or ''
  redis.call('HSET', dead_index, record, ids .. ',' .. id .. ',')
end

local function forget_letters(dead, dead_index, records)
  local known = redis.call('HMGET', dead_index, unpack(records))
  for at, ids in ipairs(known) do
    for id in string.gmatch(ids or '', '[%d-]+') do
      local entry = redis.call('XRANGE', dead, id, id)[1]
      if entry then drop_letter(dead, dead_index, id, entry[2]) end
    end
    if ids then redis.call('HDEL', dead_index, records[at]) end
  end
end
