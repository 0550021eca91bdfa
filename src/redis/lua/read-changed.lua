-- read-changed.lua: names the commit that a partition is at, and the records that were written
-- after an earlier one, of some types, as they are now.
--
-- KEYS  meta, counted; then the records of each type
-- ARGV  since_number, since_nonce, ring, rows_max; then the types, in the order of their keys
--   since_number, since_nonce: a commit ('': only the present one is asked for)
--   ring: how many commits it holds; rows_max: if more were written, their rows are left out
-- returns number and nonce (of the last commit), since ('known': `changed` is all that was written;
--       'unknown': that commit is none of the latest), whole (1: with rows), changed (position of
--       the type from 1, id, and with rows the row, '' if there is none)
local stored = redis.call('HMGET', meta, 'number', 'nonce')
local number, nonce = tonumber(stored[1] or '0'), stored[2] or ''
local first, size = tonumber(since_number), tonumber(ring)

local types = {}
for at = more, #ARGV do types[ARGV[at]] = at - more + 1 end

local since, members, seen = 'unknown', {}, {}
local function note(member)
  local colon = string.find(member, ':', 1, true)
  local type_at = types[string.sub(member, 1, colon - 1)]
  if not type_at or seen[member] then return end
  seen[member] = true
  members[#members + 1] = { type_at, string.sub(member, colon + 1) }
end

-- What each commit wrote, back to the one that is known. A nonce that no commit gave says that
-- somebody else has written.
if first and first == number and since_nonce == nonce then
  since = 'known'
elseif first and first < number and number - first < size then
  local slots = {}
  for each = first, number do slots[#slots + 1] = 'r' .. each % size end
  local commits = redis.call('HMGET', counted, unpack(slots))
  since = 'known'
  for at = 1, #commits do
    local of, by, names = string.match(commits[at] or '', '^(%d+) ([^\n]+)\n?(.*)$')
    local is_known = at > 1 or by == since_nonce
    local is_last = at < #commits or by == nonce
    if tonumber(of) ~= first + at - 1 or not is_known or not is_last then since = 'unknown' end
    if at > 1 and names == '*' then since = 'unknown' end
    if since == 'unknown' then break end
    if at > 1 then
      for member in string.gmatch(names, '[^\n]+') do note(member) end
    end
  end
end

local whole = #members <= tonumber(rows_max)
local changed = {}
for at = 1, since == 'known' and #members or 0 do
  local type_at, id = unpack(members[at])
  changed[#changed + 1] = type_at
  changed[#changed + 1] = id
  if whole then
    changed[#changed + 1] = redis.call('HGET', KEYS[more_keys + type_at - 1], id) or ''
  end
end
return {
  'number', number,
  'nonce', nonce,
  'since', since,
  'whole', whole and 1 or 0,
  'changed', changed,
}
