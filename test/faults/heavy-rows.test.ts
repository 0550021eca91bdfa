/**
 * heavy-rows.test.ts – Small things that lead to large stored records: patches, a target with many
 * holders, time. What they load together does not fit into the process; it survives, and counts
 * are exact.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { dataFolder, type Served, serve } from '../support/cli.ts';
import { eventually } from '../support/deployment.ts';

const HEAP_MB = 128;
const COUNT = 120;
const TEXT = 'x'.repeat(900_000);
const folder = dataFolder();
let served: Served;
let pid: number | undefined;
/** How long patches of all records took. */
let patchedMs: number;

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const isText = typeof body === 'string';
  const answer = await fetch(`${served.url}${path}`, {
    method,
    headers: {
      authorization: 'Bearer the-key-of-the-test',
      ...(body === undefined
        ? {}
        : { 'content-type': isText ? 'application/x-ndjson' : 'application/json' }),
    },
    ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 300)}`);
  return JSON.parse(text) as T;
}

const numbers = Array.from({ length: COUNT }, (_, n) => n);
const patches = (data: object) =>
  numbers
    .map((n) => JSON.stringify({ op: 'patch', object_type: 'heavy', id: `h${n}`, data }))
    .join('\n');
const rule = (field: string, operator: string, value: unknown) => ({
  combinator: 'and',
  rules: [{ field, operator, value }],
});
async function countOf(slug: string): Promise<number | null> {
  const { counts } = await call<{ counts: { count: number | null }[] }>(
    'POST',
    '/v1/segments/counts',
    {
      slugs: [slug],
      timeout_ms: 60_000,
    },
  );
  return counts[0]!.count;
}

beforeAll(async () => {
  served = await serve({
    ROLLCALL_DATA: folder.path,
    ROLLCALL_PARTITIONS: '1',
    ROLLCALL_KEYS: 'master:the-key-of-the-test',
    NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}`,
    LOG_LEVEL: 'warn',
  });
  pid = served.child.pid;
  await call('PUT', '/v1/object-types/firms', { attributes: { size: { type: 'number' } } });
  await call('PUT', '/v1/object-types/heavy', {
    attributes: { n: { type: 'number' }, at: { type: 'datetime' }, text: { type: 'string' } },
    relationships: { firm: { to: 'firms', key: 'firm_id', inverse: 'staff' } },
  });
  const segments = [
    ['low', rule('n', '<', 50)],
    ['large', rule('firm.size', '>', 10)],
    ['past', rule('at', 'inLast', { amount: 1, unit: 'day' })],
  ] as const;
  for (const [slug, query] of segments)
    await call('POST', '/v1/segments', { title: slug, slug, object_type: 'heavy', query });
  await call('PUT', '/v1/records/firms/f', { size: 1 });
  for (const n of numbers) {
    const data = { n: 100, text: TEXT, firm_id: 'f' };
    await call(
      'POST',
      '/v1/changes',
      JSON.stringify({ op: 'put', object_type: 'heavy', id: `h${n}`, data }),
    );
  }
}, 120_000);
afterAll(async () => {
  await served.stop();
  folder.remove();
});

it('patches of large records in one body are all applied, by the process that was asked', {
  timeout: 120_000,
}, async () => {
  const beganMs = Date.now();
  expect(await call('POST', '/v1/changes', patches({ n: 1 }))).toMatchObject({ accepted: COUNT });
  patchedMs = Date.now() - beganMs;
  await eventually('all are applied', async () => (await countOf('low')) === COUNT, 60_000);
  expect(served.child).toMatchObject({ pid, exitCode: null, signalCode: null });
});

it('holders of a target that changed, and records that are due at once', {
  timeout: 120_000,
}, async () => {
  await call('PATCH', '/v1/records/firms/f', { size: 20 });
  await eventually(
    'all holders have seen it',
    async () => (await countOf('large')) === COUNT,
    60_000,
  );
  const at = new Date(Date.now() + 2000 + 2 * patchedMs).toISOString();
  await call('POST', '/v1/changes', patches({ at }));
  await eventually('all were due', async () => (await countOf('past')) === COUNT, 60_000);
  expect(served.child).toMatchObject({ pid, exitCode: null, signalCode: null });
});
