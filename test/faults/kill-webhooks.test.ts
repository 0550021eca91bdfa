/**
 * kill-webhooks.test.ts – The end of a server by kill -9, again and again while it tells who enters
 * and leaves, loses no event: what was committed is told, in the order of its record, and doubled
 * only under the same id.
 *
 * Replay the moments of the kills with ROLLCALL_SEED=<seed>; ROLLCALL_SOAK=1 kills six times, among
 * more than 10,000 events.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { dataFolder, type Served, serve } from '../support/cli.ts';
import { eventually } from '../support/deployment.ts';
import { faultsOf, openReceiver, type Receiver } from '../support/receiver.ts';

const SEED = Number(process.env['ROLLCALL_SEED'] ?? Date.now() % 100_000);
const isSoak = process.env['ROLLCALL_SOAK'] === '1';
const KILLS = isSoak ? 6 : 2;
const RECORDS = isSoak ? 500 : 60;
/**
 * Rounds are played until the kill, so that it meets commits, emissions and deliveries under way.
 */
const ROUND_PAUSE_MS = 20;
const LIFE_MS = 200;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function expectOk(answer: Promise<Response>): Promise<Record<string, unknown>> {
  const { status } = await answer;
  const body = (await (await answer).json()) as Record<string, unknown>;
  expect({ status, body }).toMatchObject({
    status: expect.toSatisfy((code: number) => code < 300),
  });
  return body;
}

async function declare(served: Served, receiver: Receiver): Promise<string> {
  const query = { combinator: 'and', rules: [{ field: 'n', operator: '<', value: 100 }] };
  const view = {
    title: 'Low',
    slug: 'low',
    object_type: 'players',
    query,
    columns: [{ path: 'n' }],
  };
  await expectOk(
    served.call('PUT', '/v1/object-types/players', { attributes: { n: { type: 'number' } } }),
  );
  await expectOk(served.call('POST', '/v1/views', view));
  await eventually(
    'the view is built',
    async () => (await expectOk(served.call('GET', '/v1/views/low')))['status'] === 'ready',
  );
  const created = await expectOk(
    served.call('POST', '/v1/views/low/activations', { url: receiver.url }),
  );
  receiver.secret = String(created['secret']);
  return String(created['id']);
}

/**
 * A round that every record takes part in. Sent again after a kill it changes nothing of what was
 * applied.
 */
async function play(served: Served, round: number): Promise<boolean> {
  const lines = Array.from({ length: RECORDS }, (_, id) =>
    JSON.stringify({
      op: 'put',
      object_type: 'players',
      id: `p${id}`,
      data: { n: round % 2 === 0 ? 1 : 100 },
    }),
  );
  const answer = await served
    .call('POST', '/v1/changes', lines.join('\n'), 'application/x-ndjson')
    .catch(() => undefined);
  const report = (await answer?.json().catch(() => undefined)) as { accepted?: number } | undefined;
  return report?.accepted === RECORDS;
}

it('no event is lost when the server is killed while it delivers', async () => {
  const data = dataFolder();
  cleanups.push(data.remove);
  const env = { ROLLCALL_DATA: data.path, ROLLCALL_WEBHOOK_ALLOW: '127.0.0.1', LOG_LEVEL: 'warn' };
  const receiver = await openReceiver();
  cleanups.push(receiver.close);
  receiver.answer = (n) => (n % 3 > 0 ? 204 : n % 2 > 0 ? 500 : 'lost');
  let served = await serve(env);
  cleanups.push(() => served.stop());
  const id = await declare(served, receiver);

  let round = 0;
  for (let life = 0; life < KILLS; life++) {
    const before = receiver.received.length;
    const playing = (async () => {
      while (await play(served, round)) {
        round++;
        await sleep(ROUND_PAUSE_MS);
      }
    })();
    // jobs that were under way at the last kill are found stalled after up to 15 s
    await eventually('some are told', () => receiver.received.length > before, 60_000);
    await sleep(LIFE_MS + ((SEED * (life + 1)) % 150)); // anywhere in what is under way
    await served.kill9();
    await playing;
    served = await serve(env);
  }
  expect(await play(served, round++)).toBe(true);

  const expected = round * RECORDS;
  await eventually(`all are told (seed=${SEED})`, () => receiver.taken.size >= expected, 240_000);
  await eventually(
    'nothing is left',
    async () => {
      const activation = await expectOk(served.call('GET', `/v1/views/low/activations/${id}`));
      return activation['pending'] === 0;
    },
    60_000,
  );
  expect(receiver.unverified).toEqual([]);
  expect(faultsOf(receiver), `seed=${SEED}`).toEqual([]);
  console.log(`${expected} events, ${KILLS} kills: ${receiver.received.length} requests`);
  expect(receiver.taken.size, `seed=${SEED}`).toBe(expected);
}, 480_000);
