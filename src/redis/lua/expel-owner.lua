-- expel-owner.lua: makes the owner of a partition take it anew, and so forget all rows in memory.
--
-- KEYS  meta
-- ARGV  nonce
-- returns 'expelled' | 'none' (nobody has ever committed here)
-- As if somebody else had made an empty commit: the next one of the owner is refused as fenced,
-- none of its writes is half done, and all that it has not committed is still in the log.
if redis.call('HEXISTS', meta, 'number') == 0 then return 'none' end
redis.call('HINCRBY', meta, 'number', 1)
redis.call('HSET', meta, 'nonce', nonce)
return 'expelled'
