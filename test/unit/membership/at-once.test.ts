/**
 * at-once.test.ts – A read of one record counts as strong in one round trip only if a look before
 * it and the catalog after it prove that it is.
 */
import { describe, expect, it } from 'vitest';
import type { CatalogStore } from '../../../src/catalog/catalog-store.ts';
import { Looks } from '../../../src/membership/looks.ts';
import type { Look } from '../../../src/membership/partition-status.ts';
import type { PredicateResolver } from '../../../src/membership/predicate-resolver.ts';
import type { Progress } from '../../../src/membership/progress.ts';
import { EVENTUAL, STRONG } from '../../../src/membership/read-options.ts';
import { NEEDS_NOTHING, StrongReads } from '../../../src/membership/strong-reads.ts';
import { openWatch } from '../../../src/membership/watermark.ts';
import { AT_REST } from '../../support/look.ts';

const FAILURE = { object_type: 'things', id: 't', passed: '5 MB' } as const;

async function read(
  look: Partial<Look>,
  { needs = NEEDS_NOTHING, options = STRONG, movesCatalog = false } = {},
) {
  const order: string[] = [];
  const store = {
    partitions: 1,
    look: async () => {
      order.push('look');
      return { ...AT_REST, ...look };
    },
  };
  const catalogs = {
    catalog: { version: 1 },
    refresh: async () => {
      order.push('version');
      if (movesCatalog) catalogs.catalog.version++;
    },
  };
  const watch = { ...openWatch(store), looks: new Looks(store) };
  const reads = new StrongReads(
    watch,
    catalogs as unknown as CatalogStore,
    {} as PredicateResolver,
    {} as Progress,
  );
  const found = await reads.atOnce('r', options, needs, async () => {
    order.push('read');
    return 7;
  });
  return { answer: found?.answer, order };
}

describe('a read of one record', () => {
  it('asks for where the partition stands before it, and for the catalog after it', async () => {
    expect(await read({})).toEqual({ answer: 7, order: ['look', 'read', 'version'] });
  });

  it.each([
    ['waits in the log', { position: '4-0' }, {}],
    ['waits in the inbox', { inboxEnd: '2-0' }, {}],
    ['is due', { dueMs: 999 }, { needs: { rounds: 0, isTimed: true } }],
    ['has failed', { failures: 'f', failed: new Map([[7, FAILURE]]) }, {}],
    ['has a clock ahead', { clockMs: 100_000 }, { needs: { rounds: 0, isTimed: true } }],
  ])('proves nothing while something %s', async (_, look, given) => {
    expect((await read(look, given)).answer).toBeUndefined();
  });

  it('proves nothing if the catalog has moved on', async () => {
    expect((await read({}, { movesCatalog: true })).answer).toBeUndefined();
  });

  it.each([
    ['over a relationship', { needs: { rounds: 3, isTimed: false } }],
    ['that is eventual', { options: EVENTUAL }],
  ])('%s is not tried', async (_, given) => {
    expect((await read({}, given)).order).toEqual([]);
  });
});
