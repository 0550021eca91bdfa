-- read-state.lua: the state of a record as one text: its head, then its further blocks, with commas
-- between them; false if it has none. A block that the head names and that is not there is empty.
local function read_state(heads, blocks, id)
  local head = redis.call('HGET', heads, id)
  local numbers = head and string.match(head, '^%d*;%d+,([%d,]+);')
  -- Another program may have written it: Lua can unpack some 8000 values.
  if not numbers or #numbers > 10000 then return head end
  local fields = {}
  for number in string.gmatch(numbers, '%d+') do fields[#fields + 1] = number .. ':' .. id end
  local parts = redis.call('HMGET', blocks, unpack(fields))
  for at = 1, #fields do parts[at] = parts[at] or '' end
  return head .. ',' .. table.concat(parts, ',')
end
