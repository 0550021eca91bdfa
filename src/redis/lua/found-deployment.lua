-- found-deployment.lua: writes what is fixed when a deployment is first started, once, and says what it is.
--
-- KEYS  1 catalog meta
-- ARGV  1 install id, 2 partitions, 3 time zone, 4 semantics version, 5 now in ms
-- returns field, value, … of the catalog's meta
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'install', ARGV[1], 'partitions', ARGV[2], 'time_zone', ARGV[3], 'semantics', ARGV[4],
    'founded_at', ARGV[5], 'version', '0', 'next_predicate_id', '1')
end
return redis.call('HGETALL', KEYS[1])
