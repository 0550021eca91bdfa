-- index-letters.lua: compares the index of a partition's dead letters with the letters, and writes
-- it anew if that is wanted.
--
-- KEYS  dead, dead_index
-- ARGV  is_written
--   is_written: '1' to write what is right
-- returns 'right' | 'wrong' (and nothing was written) | 'written'
local right, bytes = { dropped = redis.call('HGET', dead_index, 'dropped') or nil }, 0
for _, entry in ipairs(redis.call('XRANGE', dead, '-', '+')) do
  bytes = bytes + letter_bytes(entry[2])
  local record = letter_field(entry[2], 'record')
  if record then right[record] = (right[record] or '') .. ',' .. entry[1] .. ',' end
end
if bytes > 0 then right.bytes = tostring(bytes) end

local kept, is_right = redis.call('HGETALL', dead_index), true
local known = {}
for at = 1, #kept, 2 do
  known[kept[at]] = kept[at + 1]
  local is_none = kept[at] == 'bytes' and kept[at + 1] == '0' and bytes == 0
  if right[kept[at]] ~= kept[at + 1] and not is_none then is_right = false end
end
for name, value in pairs(right) do if known[name] ~= value then is_right = false end end
if is_right then return 'right' end
if is_written ~= '1' then return 'wrong' end

redis.call('UNLINK', dead_index)
for name, value in pairs(right) do redis.call('HSET', dead_index, name, value) end
return 'written'
