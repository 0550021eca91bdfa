/**
 * keys-command.ts – `rollcall keys SLUG`: where a segment's members lie in Redis, where that Redis
 * is, and how to find the sets again after an edit.
 *
 * Keeps true: no password is shown.
 */
import type { Redis } from 'ioredis';
import type { Config } from '../config.ts';
import type { Deployment } from '../engine/deployment.ts';
import { beside } from './beside.ts';
import { CommandError } from './failure.ts';
import { grouped, table } from './table.ts';

export async function showKeys(config: Config, slug: string): Promise<void> {
  await beside(config, { needsWorker: false }, (deployment) => showSegment(deployment, slug));
}

async function showSegment({ redis, keys, store }: Deployment, slug: string): Promise<void> {
  const segment = store.catalog.segments.get(slug);
  if (!segment) throw new CommandError(`There is no segment '${slug}'.`);
  const { predicateId, object_type: objectType } = segment;
  if (predicateId === null)
    throw new CommandError(
      `'${slug}' is still being built for the first time: it has no sets yet.`,
    );
  const sizes = await Promise.all(
    keys.partitions.map((partition) => redis.scard(partition.segment(predicateId))),
  );
  const members = sizes.reduce((sum, size) => sum + size, 0);
  console.log(
    `'${slug}' is predicate id ${predicateId}. Its members (ids of ${objectType}) lie in one set per partition:\n`,
  );
  const rows = keys.partitions.map((partition, at) => [
    partition.segment(predicateId),
    grouped(sizes[at]!),
    partition.counts,
    String(predicateId),
  ]);
  const head = ['Set of ids', 'Members', 'Hash of counts', 'Field'];
  console.log(table([head, ...rows], ['left', 'right', 'left', 'right']).join('\n'));
  console.log(
    `\n${grouped(members)} members as stored now; only GET /v1/segments and POST /v1/segments/counts are exact.`,
  );
  console.log(
    [
      '',
      'An edit of the segment moves its members to other sets. Read the predicate id first, and then the sets:',
      `  HGET ${keys.catalog.slugs} ${slug}        → ${predicateId}`,
      `  SMEMBERS ${keys.partitions[0]!.segment(predicateId)}   and so on: ${keys.partitions.length} sets, together all members`,
      'The sets of the predicate id before stay for a moment, so that who has just read it finds all of them.',
      '',
      `They lie in the Redis at ${addressOf(redis)}${redis.options.password ? ', behind the password of REDIS_URL' : ''}.`,
    ].join('\n'),
  );
}

/** Without user and password. */
function addressOf({ options: { host, port, db = 0, tls } }: Redis): string {
  const name = host?.includes(':') ? `[${host}]` : host;
  return `${tls ? 'rediss' : 'redis'}://${name}:${port}${db === 0 ? '' : `/${db}`}`;
}
