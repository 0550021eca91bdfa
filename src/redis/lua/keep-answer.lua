-- keep-answer.lua: notes an answer that is kept for an Idempotency-Key of one API key, and says which ones must go for it.
--
-- KEYS  1 names and bytes of the answers by when they were kept, 2 bytes of all of them
-- ARGV  1 name, 2 its bytes, 3 now in ms, 4 how long an answer is kept in ms, 5 most bytes
-- returns the names that gave way, the oldest first: the caller removes their answers
local name, bytes, now, ttl, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local gone = {}

local function forget(member)
  local other, size = member:match('^(.*) (%d+)$')
  redis.call('ZREM', KEYS[1], member)
  redis.call('INCRBY', KEYS[2], -tonumber(size))
  gone[#gone + 1] = other
end

for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ttl)) do forget(member) end
if redis.call('ZADD', KEYS[1], now, name .. ' ' .. bytes) == 1 then redis.call('INCRBY', KEYS[2], bytes) end
while tonumber(redis.call('GET', KEYS[2])) > most do
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
  if not oldest or oldest == name .. ' ' .. bytes then break end
  forget(oldest)
end
redis.call('PEXPIRE', KEYS[1], ttl)
redis.call('PEXPIRE', KEYS[2], ttl)
return gone
