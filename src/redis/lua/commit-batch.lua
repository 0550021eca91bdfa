-- commit-batch.lua: writes all that one batch of a partition makes, or nothing.
--
-- KEYS  owner, meta; then every further key that a command names (all of one partition)
-- ARGV  token, before, number, nonce, lease_ms; then commands: verb, index in KEYS, count of
--       arguments, arguments…
--   before: number of the commit before this one
--   The verb COUNT sets the hash of counts at that index: pairs of predicate id and index in KEYS
--   of its member set.
--   BURY adds a dead letter to the stream at that index: index in KEYS of the index of letters, its
--   record ('': none), how many letters and bytes may stay, and from when on, then its fields.
--   FORGET removes those of records: index in KEYS of the index of letters, then the records.
--   The verb FEED adds an entry to the stream at that index and trims it: id, entry, id of the
--   entry before it, entries to keep, entries at most, and the id at the earliest moment that is
--   kept.
--   Entries that history has not counted (`history-folded` in meta) stay, up to the most.
--   The verb STANDS writes nothing: the stream at that index has to hold the entry of this id.
--   LOOSE writes nothing: its arguments are indexes in KEYS of keys that no answer about members
--   rests on; if one holds another kind of value than its command takes, it is removed first.
--   BURY and FORGET treat theirs likewise.
-- returns 'ok' | 'duplicate' (this very commit is stored already)
--       | 'fenced' (another token holds the partition, or somebody else has committed)
--       | 'rolled-back' (the stored number is lower than mine before, or an entry is not there that
--         has to stand: a fail-over lost a tail)
-- A lease that ran out and that nobody has taken is mine again: the number tells whether anybody
-- has committed meanwhile.
before, number = tonumber(before), tonumber(number)
local holder = redis.call('GET', owner)
if holder and holder ~= token then return 'fenced' end
local stored = redis.call('HMGET', meta, 'number', 'nonce')
local stored_number = tonumber(stored[1] or '-1')
if stored_number == number and stored[2] == nonce then return 'duplicate' end
if stored_number < before then return 'rolled-back' end
if stored_number > before then return 'fenced' end

-- Redis does not undo a script that fails: look at every command before the first one writes.
local WRITES = {
  HSET = true, HDEL = true, ZADD = true, ZREM = true, SADD = true, SREM = true, XADD = true,
  XTRIM = true, UNLINK = true, COUNT = true, STANDS = true, BURY = true, FORGET = true,
  FEED = true, LOOSE = true,
}
-- What another program has put at a key would break the commit off in the middle.
local function clear(key, kind)
  local held = redis.call('TYPE', key).ok
  if held ~= kind and held ~= 'none' then redis.call('UNLINK', key) end
end
local letters, loose = {}, {}
local at = more
while at <= #ARGV do
  local verb, key, count = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  if not WRITES[verb] or not key or not KEYS[key] or not count or at + 2 + count > #ARGV then
    local what = tostring(verb) .. ' at ' .. at
    return redis.error_reply('ERR commit-batch: malformed command ' .. what)
  end
  local id = ARGV[at + 3]
  if verb == 'STANDS' and #redis.call('XRANGE', KEYS[key], id, id, 'COUNT', 1) == 0 then
    return 'rolled-back'
  elseif verb == 'LOOSE' then
    for each = at + 3, at + 2 + count do loose[KEYS[tonumber(ARGV[each])]] = true end
  elseif verb == 'BURY' or verb == 'FORGET' then
    letters[KEYS[key]] = KEYS[tonumber(id)]
  end
  at = at + 3 + count
end
for dead, dead_index in pairs(letters) do
  clear(dead, 'stream')
  clear(dead_index, 'hash')
end

local function comes_before(id, other)
  local ms, sequence = string.match(id, '^(%d+)%-(%d+)$')
  local other_ms, other_sequence = string.match(other, '^(%d+)%-(%d+)$')
  ms, other_ms = tonumber(ms), tonumber(other_ms)
  return ms < other_ms or (ms == other_ms and tonumber(sequence) < tonumber(other_sequence))
end

-- Costs nothing while all is well.
local function write(verb, key, ...)
  if not loose[key] then return redis.call(verb, key, ...) end
  local answer = redis.pcall(verb, key, ...)
  if type(answer) ~= 'table' or not answer.err then return answer end
  if not string.find(answer.err, 'WRONGTYPE', 1, true) then error(answer) end
  redis.call('UNLINK', key)
  return redis.call(verb, key, ...)
end

-- What another program has put there would refuse every entry to come: the feed begins anew.
local function add_entry(feed, id, entry, before)
  local added = redis.pcall('XADD', feed, id, 'events', entry)
  if type(added) == 'table' then
    redis.call('UNLINK', feed)
    redis.call('XADD', feed, id, 'events', entry)
  end
  local length = redis.call('XLEN', feed)
  if length == 1 and before ~= '0-0' then redis.call('HSET', meta, 'feed-trimmed', before) end
  return length
end

-- By whole nodes, and few of them at a time: what a commit trims is bounded.
local function tell(feed, id, entry, before, kept, most, oldest)
  local length = add_entry(feed, id, entry, before)
  local folded = redis.call('HGET', meta, 'history-folded')
  local removed
  if length > tonumber(most) then
    removed = redis.call('XTRIM', feed, 'MAXLEN', '~', most, 'LIMIT', 1000)
  elseif length >= kept + 100 and not folded then
    removed = redis.call('XTRIM', feed, 'MAXLEN', '~', kept, 'LIMIT', 1000)
  elseif length >= kept + 100 then
    removed = redis.call('XTRIM', feed, 'MINID', '~', folded, 'LIMIT', 100)
  else
    if folded and comes_before(folded, oldest) then oldest = folded end
    removed = redis.call('XTRIM', feed, 'MINID', '~', oldest, 'LIMIT', 1000)
  end
  if removed == 0 then return end
  local first = redis.call('XRANGE', feed, '-', '+', 'COUNT', 1)
  local last_removed = string.match(first[1][2][2], '"after":"(%d+%-%d+)"')
  redis.call('HSET', meta, 'feed-trimmed', last_removed)
end

at = more
while at <= #ARGV do
  local verb, key, first = ARGV[at], KEYS[tonumber(ARGV[at + 1])], at + 3
  local last = first + tonumber(ARGV[at + 2]) - 1
  if verb == 'COUNT' then
    local sizes = {}
    for i = first, last, 2 do
      sizes[#sizes + 1] = ARGV[i]
      sizes[#sizes + 1] = redis.call('SCARD', KEYS[tonumber(ARGV[i + 1])])
    end
    write('HSET', key, unpack(sizes))
  elseif verb == 'BURY' then
    local dead_index, record = KEYS[tonumber(ARGV[first])], ARGV[first + 1]
    bury_letter(key, dead_index, record, { unpack(ARGV, first + 5, last) })
    drop_letters(key, dead_index, unpack(ARGV, first + 2, first + 4))
  elseif verb == 'FORGET' then
    forget_letters(key, KEYS[tonumber(ARGV[first])], { unpack(ARGV, first + 1, last) })
  elseif verb == 'FEED' then
    tell(key, unpack(ARGV, first, last))
  elseif verb ~= 'STANDS' and verb ~= 'LOOSE' then
    write(verb, key, unpack(ARGV, first, last))
  end
  at = last + 1
end
redis.call('HSET', meta, 'number', number, 'nonce', nonce)
redis.call('SET', owner, token, 'PX', lease_ms)
-- News for those who wait (commit-channel.ts), by the name of `meta`: nothing depends on it.
redis.pcall('SPUBLISH', meta, number)
return 'ok'
