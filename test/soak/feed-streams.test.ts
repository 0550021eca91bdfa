/**
 * feed-streams.test.ts – A hundred clients that do not read their streams leave the memory of a
 * server flat, while others are sent every event.
 *
 * SOAK_EVENTS makes it smaller.
 */
import { readFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { dataFolder, type Served, serve } from '../support/cli.ts';
import { eventually } from '../support/deployment.ts';
import { openEventClient } from '../support/event-client.ts';

const EVENTS = Number(process.env['SOAK_EVENTS'] ?? 300_000);
const CLIENTS = 100;
const RECORDS = 2000;
const KEY = 'the-key-of-the-soak';
/** By how much the last third may need more memory than the middle one. */
const GROWTH_MAX = 1.1;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function done(served: Served, method: string, path: string, body: unknown, type?: string) {
  const answer = await served.call(method, path, body, type);
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  await answer.arrayBuffer();
}

function residentMb({ child }: Served): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024;
}

it('does not grow with clients that do not read', { timeout: 3_600_000 }, async () => {
  const folder = dataFolder();
  cleanups.push(folder.remove);
  const served = await serve({
    ROLLCALL_DATA: folder.path,
    ROLLCALL_KEYS: `master:${KEY}`,
    ROLLCALL_STREAM_STALLED_SECONDS: '3600',
  });
  cleanups.push(() => served.stop());
  await done(served, 'PUT', '/v1/object-types/contacts', {
    attributes: { age: { type: 'number' } },
  });
  const rules = [{ field: 'age', operator: '>=', value: 18 }];
  const query = { combinator: 'and', rules };
  const segment = { title: 'Adults', slug: 'adults', object_type: 'contacts', query };
  await done(served, 'POST', '/v1/segments', segment);
  const url = `${served.url}/v1/memberships/changes?cursor=now`;
  for (let n = 0; n < CLIENTS; n++) {
    const client = await openEventClient(url, KEY, { readsNothing: true });
    cleanups.push(() => client.kill());
  }
  let seen = 0;
  const reader = await openEventClient(url, KEY, { onEvent: () => seen++ });
  cleanups.push(() => reader.kill());
  const samples: number[] = [];
  const long = 'x'.repeat(200);
  let flips = 0;
  for (let round = 0; flips < EVENTS; round++) {
    const data = { age: round % 2 === 0 ? 20 : 10 };
    const lines = Array.from({ length: RECORDS }, (_, at) =>
      JSON.stringify({ op: 'put', object_type: 'contacts', id: `${long}${at}`, data }),
    );
    await done(served, 'POST', '/v1/changes', lines.join('\n'), 'application/x-ndjson');
    flips += RECORDS;
    const isTold = () => seen >= flips;
    await eventually('the one that reads has seen them', isTold, 60_000);
    samples.push(residentMb(served));
  }
  const third = Math.floor(samples.length / 3);
  const middle = Math.max(...samples.slice(third, 2 * third));
  const last = Math.max(...samples.slice(2 * third));
  const [first, ...most] = [samples[0]!, middle, last].map(Math.round);
  console.log(
    `${flips} events, ${CLIENTS} clients that do not read: ` +
      `resident ${first} MB at first, at most ${most.join(' MB and then ')} MB`,
  );
  expect(last / middle).toBeLessThan(GROWTH_MAX);
});
