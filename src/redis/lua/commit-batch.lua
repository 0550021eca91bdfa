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
--   The verb STANDS writes nothing: the stream at that index has to hold the entry of this id.
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
}
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
  end
  at = at + 3 + count
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
    redis.call('HSET', key, unpack(sizes))
  elseif verb == 'BURY' then
    local dead_index, record = KEYS[tonumber(ARGV[first])], ARGV[first + 1]
    bury_letter(key, dead_index, record, { unpack(ARGV, first + 5, last) })
    drop_letters(key, dead_index, unpack(ARGV, first + 2, first + 4))
  elseif verb == 'FORGET' then
    forget_letters(key, KEYS[tonumber(ARGV[first])], { unpack(ARGV, first + 1, last) })
  elseif verb ~= 'STANDS' then
    redis.call(verb, key, unpack(ARGV, first, last))
  end
  at = last + 1
end
redis.call('HSET', meta, 'number', number, 'nonce', nonce)
redis.call('SET', owner, token, 'PX', lease_ms)
-- News for those who wait (commit-channel.ts), by the name of `meta`: nothing depends on it.
redis.pcall('SPUBLISH', meta, number)
return 'ok'
