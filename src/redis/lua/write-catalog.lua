-- write-catalog.lua: changes the catalog if nobody else has since, and tells every process what
-- changed.
--
-- KEYS  meta, log, object_types, segments, predicate_ids, views, feed_ids, activations, histories,
--       revisions, slugs, webhook_secrets, gone_activations
-- ARGV  version, next_predicate_id, change, entries_max; then writes: hash, field, 'set' or
--       'delete', value
--   gone_activations: those that are gone, by when: what is kept of them elsewhere is still to be
--   removed; version: that the change was made for; change: as JSON, for the log; entries_max: that
--   the log keeps; hash: by the name that TypeScript has for its key
-- returns status 'ok', version (the new one) | status 'conflict', version (that is stored)
-- A secret comes and goes with its activation, whatever removes that, and is never part of the log.
local stored = tonumber(redis.call('HGET', meta, 'version') or '0')
if stored ~= tonumber(version) then return { 'status', 'conflict', 'version', stored } end
local HASHES = {
  objectTypes = object_types, segments = segments, predicateIds = predicate_ids, views = views,
  feedIds = feed_ids, activations = activations, histories = histories, revisions = revisions,
  slugs = slugs, webhookSecrets = webhook_secrets,
}
for at = more, #ARGV, 4 do
  if not HASHES[ARGV[at]] then
    return redis.error_reply('ERR write-catalog: no such hash ' .. ARGV[at])
  end
end

for at = more, #ARGV, 4 do
  local hash, field, verb, value = unpack(ARGV, at, at + 3)
  if verb == 'set' then
    redis.call('HSET', HASHES[hash], field, value)
  else
    redis.call('HDEL', HASHES[hash], field)
    if hash == 'activations' then
      redis.call('HDEL', webhook_secrets, field)
      redis.call('ZADD', gone_activations, redis.call('TIME')[1], field)
    end
  end
end
stored = stored + 1
redis.call('HSET', meta, 'version', stored, 'next_predicate_id', next_predicate_id)
redis.call('XADD', log, 'MAXLEN', '~', entries_max, '*', 'version', stored, 'change', change)
return { 'status', 'ok', 'version', stored }
