/**
 * load.test.ts – Hostile load from a viewer's and an editor's key against a real server with a
 * small heap: it answers others throughout, it is the same process after it, and a restart finds
 * all that was accepted.
 *
 * The latency of `/healthz` is measured from a process of its own, beside that of an idle server on
 * the same machine: what the machine itself adds is not the server's. Not part of `npm test`: `npm
 * run test:attack`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Health, type Watch, watch } from '../support/attack.ts';
import { dataFolder, type Served, serve } from '../support/cli.ts';
import { eventually } from '../support/deployment.ts';

const HEAP_MB = 256;
const HEALTHY_P99_MS = 250;
/** The records of the report: heavy ones, each with as many neighbours. */
const HEAVY = 150;
const NEIGHBOURS = 20;
const TEXT = 'x'.repeat(900_000);
const SORTED = 20_000;
const KEYS = {
  master: 'the-key-of-the-master',
  editor: 'the-key-of-the-editor',
  viewer: 'the-key-of-the-viewer',
};
type Role = keyof typeof KEYS;

const folder = dataFolder();
const sockets: Socket[] = [];
let served: Served;
let idle: ChildProcess;
let idleUrl = '';
let watches: { server: Watch; machine: Watch };

interface Asked {
  readonly role?: Role;
  readonly type?: string;
  readonly accept?: string;
  readonly headers?: Record<string, string>;
}

async function ask(
  method: string,
  path: string,
  body?: unknown,
  asked: Asked = {},
): Promise<Response> {
  const { role = 'viewer', type = 'application/json', accept = '*/*', headers = {} } = asked;
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  return fetch(`${served.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${KEYS[role]}`,
      accept,
      ...(text === undefined ? {} : { 'content-type': type }),
      ...headers,
    },
    ...(text === undefined ? {} : { body: text }),
  });
}

async function done<T = unknown>(
  method: string,
  path: string,
  body?: unknown,
  asked: Asked = {},
): Promise<T> {
  const answer = await ask(method, path, body, { role: 'master', ...asked });
  if (!answer.ok)
    throw new Error(`${method} ${path}: ${answer.status} ${(await answer.text()).slice(0, 300)}`);
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

/** Reads an answer to its end and says how it began. */
async function sizeOf(answer: Response): Promise<{ status: number; bytes: number }> {
  let bytes = 0;
  for await (const chunk of answer.body ?? []) bytes += (chunk as Uint8Array).length;
  return { status: answer.status, bytes };
}

const put = (object_type: string, id: string, data: object) =>
  JSON.stringify({ op: 'put', object_type, id, data });
const lines = (texts: readonly string[]) =>
  done('POST', '/v1/changes', texts.join('\n'), { type: 'application/x-ndjson' });
const everything = (field: string) => ({
  combinator: 'and',
  rules: [{ field, operator: '>=', value: 0 }],
});

async function counts(): Promise<unknown> {
  return (await done<{ counts: unknown }>('POST', '/v1/segments/counts', { timeout_ms: 60_000 }))
    .counts;
}

async function start(): Promise<void> {
  served = await serve({
    ROLLCALL_DATA: folder.path,
    ROLLCALL_PARTITIONS: '4',
    ROLLCALL_KEYS: Object.entries(KEYS)
      .map((entry) => entry.join(':'))
      .join(','),
    NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}`,
    LOG_LEVEL: 'warn',
  });
}

async function fill(): Promise<void> {
  const number = { type: 'number' };
  await done('PUT', '/v1/object-types/heavy', {
    attributes: { n: number, text: { type: 'string' } },
    relationships: {
      friends: { to: 'heavy', key: 'friend_ids', cardinality: 'many', inverse: 'friend_of' },
    },
  });
  await done('PUT', '/v1/object-types/light', { attributes: { n: number, at: number } });
  const heavy = { object_type: 'heavy', query: everything('n') };
  await done('POST', '/v1/segments', { title: 'Heavy', slug: 'heavy', ...heavy });
  await done('POST', '/v1/segments', {
    title: 'Light',
    slug: 'light',
    object_type: 'light',
    query: everything('n'),
  });
  const columns = [{ path: 'n' }, { path: 'text' }];
  await done('POST', '/v1/views', {
    title: 'H',
    slug: 'heavy',
    object_type: 'heavy',
    segment: 'heavy',
    columns,
    relationships: ['friends', 'friend_of'],
  });
  await done('POST', '/v1/views', {
    title: 'L',
    slug: 'sorted',
    object_type: 'light',
    segment: 'light',
    columns: [{ path: 'n' }],
    sort: [{ path: 'at', direction: 'desc' }],
  });
  for (let n = 0; n < HEAVY; n++) {
    const friend_ids = Array.from({ length: NEIGHBOURS }, (_, at) => `h${(n + 1 + at) % HEAVY}`);
    await lines([put('heavy', `h${n}`, { n, text: TEXT, friend_ids })]);
  }
  for (let from = 0; from < SORTED; from += 5000)
    await lines(
      Array.from({ length: 5000 }, (_, at) =>
        put('light', `l${from + at}`, { n: from + at, at: (from + at) % 97 }),
      ),
    );
}

/** A server that does nothing else, to see what the machine adds. */
async function startIdle(): Promise<void> {
  const text =
    `require('http').createServer((_, answer) => answer.end('{}')).listen(0, ` +
    `'127.0.0.1', function () { console.log(this.address().port) })`;
  idle = spawn(process.execPath, ['-e', text]);
  const [port] = await once(idle.stdout!, 'data');
  idleUrl = `http://127.0.0.1:${String(port).trim()}`;
}

beforeAll(async () => {
  await start();
  await fill();
  await startIdle();
  await eventually(
    'all is built',
    async () => !JSON.stringify(await counts()).includes('building'),
    60_000,
  );
  watches = { server: watch(served.url), machine: watch(idleUrl) };
}, 300_000);

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(async () => {
  const { code, stderr } = await served.stop();
  if (code !== 0) console.log(`the server ended with ${code}: ${stderr.slice(-4000)}`);
  idle?.kill();
  folder.remove();
});

/** Opens a connection and sends what is given. */
async function open(text: string, reads = false): Promise<{ ended: () => boolean }> {
  const { hostname, port } = new URL(served.url);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  let isEnded = false;
  socket.on('error', () => {});
  socket.on('close', () => {
    isEnded = true;
  });
  await once(socket, 'connect').catch(() => {});
  if (reads) socket.resume();
  else socket.pause();
  socket.write(text);
  return { ended: () => isEnded };
}

const head = (method: string, path: string, role: Role, more = '') =>
  `${method} ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${KEYS[role]}\r\n${more}\r\n`;

async function isAlive(): Promise<void> {
  expect((await ask('GET', '/healthz')).status).toBe(200);
  expect(served.child.exitCode).toBeNull();
}

describe('a server with a small heap', { timeout: 300_000 }, () => {
  it.each([
    '/v1/views/heavy/rows?limit=1000',
    '/v1/records/heavy?limit=1000',
    '/v1/segments/heavy/members?limit=1000&include=records',
    '/v1/records/heavy/h0?include=friends,friend_of&include_limit=1000',
  ])('gives heavy pages to eight who ask at once: %s', async (path) => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, async () => sizeOf(await ask('GET', path))),
    );
    for (const { status, bytes } of answers) {
      expect(status).toBe(200);
      expect(bytes).toBeLessThan(32 * 1024 * 1024);
    }
    await isAlive();
  });

  it('streams heavy rows to several, and stops for those who go', async () => {
    const whole = sizeOf(
      await ask('GET', '/v1/views/heavy/rows', undefined, { accept: 'text/csv' }),
    );
    const some = Array.from({ length: 6 }, async () => {
      const answer = await ask('GET', '/v1/views/heavy/rows', undefined, {
        accept: 'application/x-ndjson',
      });
      const reader = answer.body!.getReader();
      for (let n = 0; n < 20; n++) await reader.read();
      await reader.cancel();
    });
    await Promise.all(some);
    const { status, bytes } = await whole;
    expect(status).toBe(200);
    expect(bytes).toBeGreaterThan(HEAVY * TEXT.length);
    await isAlive();
  });

  it('holds little for those who ask for heavy pages and take nothing of them', async () => {
    await Promise.all(
      Array.from({ length: 60 }, () =>
        open(head('GET', '/v1/views/heavy/rows?limit=1000', 'viewer')),
      ),
    );
    await Promise.all(
      Array.from({ length: 20 }, () =>
        open(head('GET', '/v1/views/heavy/rows', 'viewer', 'accept: text/csv\r\n')),
      ),
    );
    for (let n = 0; n < 20; n++) await isAlive();
    // Another key is served meanwhile.
    expect(
      (await sizeOf(await ask('GET', '/v1/records/light?limit=10', undefined, { role: 'editor' })))
        .status,
    ).toBe(200);
  });

  it('answers bad lines and arrays of them, listed up to a bound', async () => {
    const bad = [
      '{}\n'.repeat(350_000),
      '\n'.repeat(1_000_000),
      `${'[[['.repeat(30_000)}\n`.repeat(10),
    ];
    const arrays = [
      `[${'{},'.repeat(1_000_000)}{}]`,
      `[${'1,'.repeat(1_000_000)}1]`,
      `[${'['.repeat(500_000)}${']'.repeat(500_000)}]`,
    ];
    const ndjson = bad.map((text) =>
      ask('POST', '/v1/changes', text, { role: 'editor', type: 'application/x-ndjson' }),
    );
    const json = arrays.map((text) => ask('POST', '/v1/changes', text, { role: 'editor' }));
    for (const answer of await Promise.all([...ndjson, ...json])) {
      expect(answer.status).toBeLessThan(500);
      const { rejected = [] } = (await answer.json()) as { rejected?: unknown[] };
      expect(rejected.length).toBeLessThanOrEqual(1000);
    }
    await isAlive();
  });

  it('answers bodies that are wide, deep or of many small parts', async () => {
    const wide = Object.fromEntries(Array.from({ length: 60_000 }, (_, n) => [`a${n}`, n]));
    const deep = `{"x":${'['.repeat(400_000)}${']'.repeat(400_000)}}`;
    const small = `{"x":[${'{},'.repeat(300_000)}{}]}`;
    const ids = Array.from({ length: 1000 }, (_, n) => `l${n}`);
    const slugs = Array.from({ length: 1000 }, () => 'light');
    const asked = [wide, deep, small].flatMap((body) =>
      Array.from({ length: 3 }, (_, n) =>
        ask('PUT', `/v1/records/light/odd${n}`, body, { role: 'editor' }),
      ),
    );
    const lookups = Array.from({ length: 20 }, () =>
      ask('POST', '/v1/memberships/lookup', { object_type: 'light', ids, segments: slugs }),
    );
    const counted = Array.from({ length: 20 }, () => ask('POST', '/v1/segments/counts', { slugs }));
    for (const answer of await Promise.all([...asked, ...lookups, ...counted])) {
      expect(answer.status).toBeLessThan(500);
      await answer.arrayBuffer();
    }
    await done('DELETE', '/v1/records/light/odd0').catch(() => {});
    for (const n of [1, 2]) await done('DELETE', `/v1/records/light/odd${n}`).catch(() => {});
    await isAlive();
  });

  it('puts a sorted view in order once for all who ask, while records change', async () => {
    let isOver = false;
    const changing = (async () => {
      for (let n = 0; !isOver; n++)
        await lines([put('light', `l${n % 50}`, { n: n % 50, at: n % 89 })]);
    })().catch((error: unknown) => error);
    const answers = await Promise.all(
      Array.from(
        { length: 60 },
        async () => (await ask('GET', '/v1/views/sorted/rows?limit=5')).status,
      ),
    );
    isOver = true;
    expect(await changing).toBeUndefined();
    expect(new Set(answers)).toEqual(new Set([200]));
    await isAlive();
  });

  it('keeps what idempotent answers may weigh, and waits for nobody who says nothing', async () => {
    for (let n = 0; n < 5; n++) {
      await Promise.all(
        Array.from({ length: 40 }, (_, at) =>
          ask(
            'PUT',
            `/v1/records/light/l${at}`,
            { n: at, at: 1 },
            { role: 'editor', headers: { 'idempotency-key': `k-${n}-${at}` } },
          ),
        ),
      );
    }
    const halfOpen = await Promise.all([
      ...Array.from({ length: 100 }, () => open('', true)),
      ...Array.from({ length: 100 }, () => open('GET /healthz HTTP/1.1\r\nx: ', true)),
      ...Array.from({ length: 50 }, () =>
        open(
          head(
            'POST',
            '/v1/changes',
            'editor',
            'content-type: application/json\r\ncontent-length: 900000\r\n',
          ),
        ),
      ),
      ...Array.from({ length: 50 }, () =>
        open(
          head(
            'POST',
            '/v1/changes',
            'viewer',
            'content-type: application/json\r\ncontent-length: 900000\r\n',
          ),
        ),
      ),
    ]);
    await isAlive();
    await eventually(
      'those without a header have lost their connections',
      () => halfOpen.slice(0, 200).every(({ ended }) => ended()),
      60_000,
    );
    await isAlive();
  });

  it('answered whether it is alive throughout', async () => {
    const [server, machine]: Health[] = await Promise.all([
      watches.server.health(),
      watches.machine.health(),
    ]);
    console.log(
      `/healthz under load: ${JSON.stringify(server)}; an idle server beside it: ` +
        `${JSON.stringify(machine)}`,
    );
    expect(server!.failed).toBe(0);
    expect(server!.p99Ms).toBeLessThanOrEqual(HEALTHY_P99_MS + machine!.p99Ms);
  });

  it('finds all again after a restart', async () => {
    const before = await counts();
    expect(before).toMatchObject([
      { slug: 'heavy', count: HEAVY },
      { slug: 'light', count: SORTED },
    ]);
    await served.kill9();
    await served.ended;
    await start();
    expect(await counts()).toEqual(before);
    const page = await done<{ data: { id: string; data: object }[] }>(
      'GET',
      '/v1/records/heavy?limit=1',
    );
    expect(page.data[0]!.data).toMatchObject({ text: TEXT });
  });
});
