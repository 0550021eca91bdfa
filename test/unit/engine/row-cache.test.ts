/**
 * row-cache.test.ts – What an owner keeps in memory is bounded in rows and in bytes.
 */
import { expect, test } from 'vitest';
import { RowCache } from '../../../src/engine/row-cache.ts';
import type { Row, Step } from '../../../src/engine/step.ts';
import { PartitionKeys } from '../../../src/redis/keys.ts';

const keys = new PartitionKeys('t', 0);
const BYTES_MAX = 100_000;

function row(value: unknown): Row {
  const record = { data: { value }, version: 1, createdAt: 0, updatedAt: 0, fits: 1 };
  return { record, truth: [] as unknown as Row['truth'], due: undefined };
}

/**
 * How many of some rows are still there when all were committed: what is not is read from Redis.
 */
async function kept(rows: readonly Row[]): Promise<number> {
  const cache = new RowCache(1000, undefined, BYTES_MAX);
  const records = rows.map((after, n) => ({ objectType: 'a', id: `${n}`, after }));
  cache.committed({ records, edges: { neighbours: [], related: [] } } as unknown as Step, keys);
  let asked = 0;
  const redis = {
    readRows: async ([, , , , asks]: number[]) => {
      asked = asks!;
      return ['kind', 'rows', 'rows', []];
    },
  };
  await cache.load(redis as never, keys, new Map([['a', new Set(records.map(({ id }) => id))]]));
  return rows.length - asked;
}

test.each([
  ['text', 'x'.repeat(10_000)],
  ['lists', Array.from({ length: 200 }, () => 'abc')],
  ['objects', Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`m${n}`, n]))],
])('rows of %s weigh what they hold', async (_, value) => {
  const many = Array.from({ length: 200 }, () => row(value));
  const weight = JSON.stringify(value).length;
  const count = await kept(many);
  expect(count).toBeGreaterThan(0);
  expect(count * weight).toBeLessThanOrEqual(BYTES_MAX);
});

test('light rows are kept by their number, and a row heavier than all is not kept', async () => {
  expect(await kept(Array.from({ length: 100 }, (_, n) => row(n)))).toBe(100);
  expect(await kept([row('x'.repeat(BYTES_MAX + 1))])).toBe(0);
});
