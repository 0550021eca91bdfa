/**
 * row-cache.test.ts – What an owner keeps in memory is bounded in rows and in bytes.
 */
import { expect, test } from 'vitest';
import type { RecordsOfType } from '../../../src/engine/partition-store.ts';
import { RowCache } from '../../../src/engine/row-cache.ts';
import type { Row, Step } from '../../../src/engine/step.ts';

const BYTES_MAX = 100_000;

function row(value: unknown): Row {
  const record = { data: { value }, version: 1, createdAt: 0, updatedAt: 0, fits: 1 };
  return { record, truth: [] as unknown as Row['truth'], due: undefined };
}

/** How many of some rows are still there when all were committed: what is not is asked for. */
function kept(rows: readonly Row[]): number {
  const cache = new RowCache(1000, BYTES_MAX);
  const records = rows.map((after, n) => ({ objectType: 'a', id: `${n}`, after }));
  cache.committed({ records, edges: { neighbours: [], related: [] } } as unknown as Step);
  const loading = cache.load(new Map([['a', new Set(records.map(({ id }) => id))]]));
  const { value: request, done } = loading.next();
  if (done || !('asked' in request)) return rows.length;
  const [asked] = request.asked as readonly RecordsOfType[];
  return rows.length - asked!.ids.length;
}

test.each([
  ['text', 'x'.repeat(10_000)],
  ['lists', Array.from({ length: 200 }, () => 'abc')],
  ['objects', Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`m${n}`, n]))],
])('rows of %s weigh what they hold', (_, value) => {
  const many = Array.from({ length: 200 }, () => row(value));
  const weight = JSON.stringify(value).length;
  const count = kept(many);
  expect(count).toBeGreaterThan(0);
  expect(count * weight).toBeLessThanOrEqual(BYTES_MAX);
});

test('light rows are kept by their number, and a row heavier than all is not kept', () => {
  expect(kept(Array.from({ length: 100 }, (_, n) => row(n)))).toBe(100);
  expect(kept([row('x'.repeat(BYTES_MAX + 1))])).toBe(0);
});
