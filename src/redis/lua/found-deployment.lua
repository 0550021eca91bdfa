-- found-deployment.lua: writes what is fixed when a deployment is first started, once, and says
-- what it is.
--
-- KEYS  meta
-- ARGV  install, partitions, time_zone, semantics, now_ms, secret
--   meta: of the catalog; secret: given once, also to a deployment of a release that had none
-- returns the fields of the catalog's meta, by name
if redis.call('EXISTS', meta) == 0 then
  redis.call('HSET', meta, 'install', install, 'partitions', partitions, 'time_zone', time_zone,
    'semantics', semantics, 'founded_at', now_ms, 'version', '0', 'next_predicate_id', '1')
end
redis.call('HSETNX', meta, 'secret', secret)
return redis.call('HGETALL', meta)
