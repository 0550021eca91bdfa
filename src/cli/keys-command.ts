/**
 * keys-command.ts – `rollcall keys SLUG`: where a segment's members lie in Redis, and how to find
 * them after an edit.
 *
 * Keeps true: no password is shown.
 */
import type { Config } from '../config.ts';
import type { Deployment } from '../engine/deployment.ts';
import { beside } from './beside.ts';
import { CommandError } from './failure.ts';
import { grouped, table } from './table.ts';

export async function showKeys(config: Config, slug: string): Promise<void> {
  await beside(config, { needsWorker: false }, (deployment) => showSegment(deployment, slug));
}

async function showSegment({ stores, store }: Deployment, slug: string): Promise<void> {
  const segment = store.catalog.segments.get(slug);
  if (!segment) throw new CommandError(`There is no segment '${slug}'.`);
  const { predicateId, object_type: objectType } = segment;
  if (predicateId === null)
    throw new CommandError(
      `'${slug}' is still being built for the first time: it has no sets yet.`,
    );
  const { address, hasPassword } = stores.segmentSets;
  const sets = await stores.segmentSets.of(predicateId);
  const members = sets.reduce((sum, set) => sum + set.members, 0);
  console.log(
    `'${slug}' is predicate id ${predicateId}. Its members (ids of ${objectType}) ` +
      'lie in one set per partition:\n',
  );
  const rows = sets.map(({ set, members: size, countsHash, countsField }) => [
    set,
    grouped(size),
    countsHash,
    countsField,
  ]);
  const head = ['Set of ids', 'Members', 'Hash of counts', 'Field'];
  console.log(table([head, ...rows], ['left', 'right', 'left', 'right']).join('\n'));
  console.log(
    `\n${grouped(members)} members as stored now; only GET /v1/segments and POST ` +
      '/v1/segments/counts are exact.',
  );
  console.log(
    [
      '',
      'An edit of the segment moves its members to other sets. Read the predicate ' +
        'id first, and then the sets:',
      `  ${stores.segmentSets.slugCommand(slug)}        → ${predicateId}`,
      `  ${sets[0]!.command}   and so on: ${sets.length} sets, together all members`,
      'The sets of the predicate id before stay for a moment, so that who has just ' +
        'read it finds all of them.',
      '',
      'They lie in the Redis at ' +
        `${address}${hasPassword ? ', behind the password of REDIS_URL' : ''}.`,
    ].join('\n'),
  );
}
