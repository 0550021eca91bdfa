-- change-history.lua: folds a portion of a partition's feed into its history, or changes what is
-- kept of it, if neither has become another since it was read.
--
-- KEYS  meta, feed, history, history_months; then every further key that a command names
-- ARGV  mark, new_mark, folded_to; then commands: verb, index in KEYS, count of arguments,
--       arguments…
--   mark, new_mark: name the state of the history that was read, and the one that this makes
--   folded_to: the last entry that is folded, which has to be there ('': none is)
--   The verb ROWS sets rows of a month, and notes its bytes: the month, then feed ids and rows in
--   turn; an empty row goes. The verb DROP removes a month, which is its argument.
-- returns 'changed' | 'moved' (nothing was done)
if (redis.call('HGET', history, 'mark') or '') ~= mark then return 'moved' end
if folded_to ~= '' and #redis.call('XRANGE', feed, folded_to, folded_to, 'COUNT', 1) == 0 then
  return 'moved'
end

local WRITES = { HSET = true, HDEL = true, ROWS = true, DROP = true }
local at = more
while at <= #ARGV do
  local verb, key, count = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  if not WRITES[verb] or not key or not KEYS[key] or not count or at + 2 + count > #ARGV then
    local what = tostring(verb) .. ' at ' .. at
    return redis.error_reply('ERR change-history: malformed command ' .. what)
  end
  at = at + 3 + count
end

-- What a field costs beside its row.
local FIELD_BYTES = 64
local function weight_of(length) return length == 0 and 0 or length + FIELD_BYTES end
local function set_row(key, field, row)
  local before = redis.call('HSTRLEN', key, field)
  if #row > 0 then redis.call('HSET', key, field, row) else redis.call('HDEL', key, field) end
  return weight_of(#row) - weight_of(before)
end

at = more
while at <= #ARGV do
  local verb, key, first = ARGV[at], KEYS[tonumber(ARGV[at + 1])], at + 3
  local last = first + tonumber(ARGV[at + 2]) - 1
  if verb == 'ROWS' then
    local grown = 0
    for i = first + 1, last, 2 do grown = grown + set_row(key, ARGV[i], ARGV[i + 1]) end
    redis.call('HINCRBY', history_months, ARGV[first], grown)
  elseif verb == 'DROP' then
    redis.call('UNLINK', key)
    redis.call('HDEL', history_months, ARGV[first])
  else
    redis.call(verb, key, unpack(ARGV, first, last))
  end
  at = last + 1
end
redis.call('HSET', history, 'mark', new_mark)
if folded_to ~= '' then
  redis.call('HSET', history, 'folded', folded_to)
  redis.call('HSET', meta, 'history-folded', folded_to)
end
return 'changed'
