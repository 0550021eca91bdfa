/**
 * fail-over.ts – Makes a partition as it was some time ago, as a fail-over to a replica that is
 * behind does.
 */
import type { Redis } from 'ioredis';
import type { PartitionKeys } from '../../src/redis/keys.ts';

/** All that a partition has stored at one instant, but for its lease: names and dumps alternate. */
const DUMP_ALL = `local dumped = {}
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  if key ~= ARGV[2] then
    dumped[#dumped + 1] = key
    dumped[#dumped + 1] = redis.call('DUMP', key)
  end
end
return dumped`;
const REPLACE_ALL = `for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  if key ~= ARGV[2] then redis.call('DEL', key) end
end
for i = 3, #ARGV, 2 do redis.call('RESTORE', ARGV[i], 0, ARGV[i + 1]) end`;

/** What a replica would have now. @returns a fail-over to it. */
export async function replicate(
  redis: Redis,
  { base, owner }: PartitionKeys,
): Promise<(to?: Redis) => Promise<void>> {
  const pattern = `${base}*`;
  const content = (await redis.callBuffer('EVAL', DUMP_ALL, 0, pattern, owner)) as Buffer[];
  return async (to = redis) => {
    await to.call('EVAL', REPLACE_ALL, 0, pattern, owner, ...content);
  };
}
