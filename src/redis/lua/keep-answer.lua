-- keep-answer.lua: notes an answer that is kept for an Idempotency-Key of one API key, and says
-- which ones must go for it.
--
-- KEYS  order, bytes
-- ARGV  name, size, now_ms, kept_ms, bytes_max
--   order: names and bytes of the answers by when they were kept; bytes: of all of them
-- returns the names that gave way, the oldest first: the caller removes their answers
local now, gone = tonumber(now_ms), {}

local function forget(member)
  local other, weight = member:match('^(.*) (%d+)$')
  redis.call('ZREM', order, member)
  redis.call('INCRBY', bytes, -tonumber(weight))
  gone[#gone + 1] = other
end

local outlived = redis.call('ZRANGEBYSCORE', order, '-inf', now - tonumber(kept_ms))
for _, member in ipairs(outlived) do forget(member) end
local mine = name .. ' ' .. size
if redis.call('ZADD', order, now, mine) == 1 then redis.call('INCRBY', bytes, size) end
while tonumber(redis.call('GET', bytes)) > tonumber(bytes_max) do
  local oldest = redis.call('ZRANGE', order, 0, 0)[1]
  if not oldest or oldest == mine then break end
  forget(oldest)
end
redis.call('PEXPIRE', order, kept_ms)
redis.call('PEXPIRE', bytes, kept_ms)
return gone
