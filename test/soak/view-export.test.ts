/**
 * view-export.test.ts – A view of 200,000 rows as CSV and as NDJSON, from a server that is a
 * process of its own: as many rows as the strong count says, every cell as it was sent, and no more
 * memory than for a view of a tenth of it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { parse } from 'csv-parse';
import { afterEach, expect, it } from 'vitest';
import { holds } from '../../src/query/json-logic/reference.ts';
import { dataFolder, type Served, serve } from '../support/cli.ts';
import { eventually } from '../support/deployment.ts';

const MEMBERS = 200_000;
const FEW = MEMBERS / 10;
/** Those above MEMBERS are records of no view. */
const RECORDS = 220_000;
const ORGANIZATIONS = 500;
/** Of every so many records one has an order. */
const ORDER_EVERY = 10;
const REQUEST_CHANGES = 20_000;
const SPOT_EVERY = 1000;
const MB = 1024 * 1024;
/** Less than the rows of the whole would take: held at once they end the process. */
const HEAP_MB = 128;
/** What may differ by chance; half of what the answer itself takes. */
const GROWTH_MAX_MB = 32;
const NOTE = 'a line that says "quoted", and, after a comma,\r\nbreaks: ünïcödé ✓ '.repeat(3);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function contact(n: number): Record<string, unknown> {
  return {
    n,
    name: `${NOTE}${n}`,
    vip: n % 2 === 0,
    seen_at: new Date(1_700_000_000_000 + n * 1000).toISOString(),
    tags: [`t${n % 7}`, 'a,b'],
    organization_id: `o${n % ORGANIZATIONS}`,
    ...(n % 3 === 0 ? {} : { ratio: n / 7 }),
  };
}

const LABELS = ['n', 'name', 'vip', 'seen_at', 'tags', 'ratio', 'Company', 'Spent'];
const COLUMNS = [
  ...['n', 'name', 'vip', 'seen_at', 'tags', 'ratio'].map((path) => ({ path })),
  { path: 'organization.name', label: 'Company' },
  { path: 'orders.total', aggregate: 'sum', label: 'Spent' },
];

/** The cells of a row, worked out from what was sent. */
function cells(n: number): string[] {
  const { name, vip, seen_at, tags, ratio = '' } = contact(n);
  const spent = n % ORDER_EVERY === 0 ? n / 100 : 0;
  return [
    n,
    name,
    vip,
    seen_at,
    JSON.stringify(tags),
    ratio,
    `Organization ${n % ORGANIZATIONS}`,
    spent,
  ].map(String);
}

function* changes(): Generator<object> {
  for (let n = 0; n < ORGANIZATIONS; n++)
    yield {
      op: 'put',
      object_type: 'organizations',
      id: `o${n}`,
      data: { name: `Organization ${n}` },
    };
  for (let n = 0; n < RECORDS; n++)
    yield { op: 'put', object_type: 'contacts', id: `c${n}`, data: contact(n) };
  for (let n = 0; n < RECORDS; n += ORDER_EVERY)
    yield {
      op: 'put',
      object_type: 'orders',
      id: `p${n}`,
      data: { contact_id: `c${n}`, total: n / 100 },
    };
}

async function done<T>(
  served: Served,
  method: string,
  path: string,
  body?: unknown,
  type?: string,
): Promise<T> {
  const answer = await served.call(method, path, body, type);
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

async function declare(served: Served): Promise<void> {
  const type = (name: string, attributes: object, relationships = {}) =>
    done(served, 'PUT', `/v1/object-types/${name}`, { attributes, relationships });
  await type('organizations', { name: { type: 'string' } });
  await type(
    'contacts',
    {
      n: { type: 'number' },
      name: { type: 'string' },
      vip: { type: 'boolean' },
      seen_at: { type: 'datetime' },
      tags: { type: 'list', of: 'string' },
      ratio: { type: 'number' },
    },
    {
      organization: {
        to: 'organizations',
        key: 'organization_id',
        cardinality: 'one',
        inverse: 'contacts',
      },
    },
  );
  await type(
    'orders',
    { total: { type: 'number' } },
    { contact: { to: 'contacts', key: 'contact_id', cardinality: 'one', inverse: 'orders' } },
  );
  for (const [slug, limit] of [
    ['all', MEMBERS],
    ['few', FEW],
  ] as const) {
    const query = { combinator: 'and', rules: [{ field: 'n', operator: '<', value: limit }] };
    await done(served, 'POST', '/v1/segments', {
      title: slug,
      slug,
      object_type: 'contacts',
      query,
    });
    const view = { title: slug, slug, object_type: 'contacts', segment: slug, columns: COLUMNS };
    await done(served, 'POST', '/v1/views', view);
  }
}

async function fill(served: Served): Promise<void> {
  let lines: string[] = [];
  const flush = async () => {
    const { rejected } = await done<{ rejected: unknown[] }>(
      served,
      'POST',
      '/v1/changes',
      lines.join('\n'),
      'application/x-ndjson',
    );
    expect(rejected).toEqual([]);
    lines = [];
  };
  for (const change of changes())
    if (lines.push(JSON.stringify(change)) >= REQUEST_CHANGES) await flush();
  await flush();
}

async function countOf(served: Served, slug: string): Promise<number | null> {
  const asked = { slugs: [slug] };
  const { counts } = await done<{ counts: { count: number | null }[] }>(
    served,
    'POST',
    '/v1/segments/counts',
    asked,
  );
  return counts[0]!.count;
}

// ── memory: the kernel notes the peak of a process, and forgets it when told to ──

function forgetPeak({ child }: Served): void {
  writeFileSync(`/proc/${child.pid}/clear_refs`, '5');
}

function residentMb({ child }: Served, what: 'VmHWM' | 'VmRSS'): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return (Number(new RegExp(`^${what}:\\s+(\\d+) kB$`, 'm').exec(status)![1]) * 1024) / MB;
}

/** Streams the rows of a view, and says what the server's memory peaked at meanwhile. */
async function exported(
  served: Served,
  slug: string,
  accept: string,
  take: (body: Readable) => Promise<number>,
): Promise<number> {
  const beforeMb = residentMb(served, 'VmRSS');
  forgetPeak(served);
  const startedMs = Date.now();
  const answer = await served.call('GET', `/v1/views/${slug}/rows`, undefined, undefined, accept);
  expect([answer.status, answer.headers.get('content-type')?.split(';')[0]]).toEqual([200, accept]);
  let bytes = 0;
  const body = Readable.fromWeb(answer.body as import('node:stream/web').ReadableStream);
  body.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  const rows = await take(body);
  const peakMb = residentMb(served, 'VmHWM');
  expect(rows).toBe(await countOf(served, slug));
  console.log(
    `${slug} as ${accept}: ${rows} rows, ${(bytes / MB).toFixed(0)} MB in ` +
      `${((Date.now() - startedMs) / 1000).toFixed(1)} s; ` +
      `server's RSS ${beforeMb.toFixed(0)} MB before, peak ${peakMb.toFixed(0)} MB`,
  );
  return peakMb;
}

async function takeCsv(body: Readable): Promise<number> {
  const seen = new Set<number>();
  let isHead = true;
  for await (const row of body.pipe(parse({ record_delimiter: '\r\n' })) as AsyncIterable<
    string[]
  >) {
    if (isHead) expect(row).toEqual(LABELS);
    else {
      const n = Number(row[0]);
      if (row.join('\u0000') !== cells(n).join('\u0000')) expect(row).toEqual(cells(n));
      seen.add(n);
    }
    isHead = false;
  }
  return seen.size;
}

async function takeLines(body: Readable): Promise<number> {
  const seen = new Set<string>();
  for await (const line of createInterface({ input: body })) {
    const { id, n, name } = JSON.parse(line) as Record<string, unknown>;
    if (id !== `c${n}` || name !== contact(Number(n))['name']) throw new Error(`${id} is ${line}`);
    seen.add(id);
  }
  return seen.size;
}

it(`${MEMBERS} rows come whole, with memory as for ${FEW}`, { timeout: 600_000 }, async () => {
  const folder = dataFolder();
  cleanups.push(folder.remove);
  const filling = await serve({ ROLLCALL_DATA: folder.path });
  cleanups.push(() => filling.stop());
  await declare(filling);
  await fill(filling);
  expect(await countOf(filling, 'all')).toBe(MEMBERS);
  await filling.stop();

  // One that has taken nothing in, which would hide what is measured, and whose heap is too small
  // to be lazy about its garbage.
  const served = await serve({
    ROLLCALL_DATA: folder.path,
    NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}`,
  });
  cleanups.push(() => served.stop());
  expect([await countOf(served, 'all'), await countOf(served, 'few')]).toEqual([MEMBERS, FEW]);

  const few = await exported(served, 'few', 'text/csv', takeCsv);
  const whole = await exported(served, 'all', 'text/csv', takeCsv);
  const lines = await exported(served, 'all', 'application/x-ndjson', takeLines);
  expect(whole - few).toBeLessThan(GROWTH_MAX_MB);
  expect(lines - few).toBeLessThan(GROWTH_MAX_MB);

  // What was sent is what is kept, and who is shown is whom the reference says.
  const { json_logic: rule } = await done<{ json_logic: unknown }>(
    served,
    'GET',
    '/v1/segments/all',
  );
  for (let n = 0; n < RECORDS; n += SPOT_EVERY) {
    const { data } = await done<{ data: unknown }>(served, 'GET', `/v1/records/contacts/c${n}`);
    expect(data).toEqual(contact(n));
    expect(holds(rule, data)).toBe(n < MEMBERS);
  }

  // Nothing is read on for a reader that goes away.
  const left = await served.call('GET', '/v1/views/all/rows', undefined, undefined, 'text/csv');
  await left.body!.cancel();
  await eventually(
    'the server answers as before',
    async () => (await countOf(served, 'few')) === FEW,
  );
});
