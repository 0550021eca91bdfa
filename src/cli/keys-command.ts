/**
 * keys-command.ts – `rollcall keys SLUG`: where a segment's members lie in Redis.
 */
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
  const { ordinal, object_type: objectType } = segment;
  if (ordinal === null) throw new CommandError(`'${slug}' is still being built for the first time.`);
  const sizes = await Promise.all(keys.partitions.map((partition) => redis.scard(partition.segment(ordinal))));
  const members = sizes.reduce((sum, size) => sum + size, 0);
  console.log(`'${slug}' is ordinal ${ordinal}. Its members (ids of ${objectType}) lie in one set per partition:\n`);
  const rows = keys.partitions.map((partition, at) => [
    partition.segment(ordinal),
    grouped(sizes[at]!),
    partition.counts,
    String(ordinal),
  ]);
  const head = ['Set of ids', 'Members', 'Hash of counts', 'Field'];
  console.log(table([head, ...rows], ['left', 'right', 'left', 'right']).join('\n'));
  console.log(
    `\n${grouped(members)} members as stored now; only GET /v1/segments and POST /v1/segments/counts are exact.`,
  );
}
