/**
 * kill-ingest.test.ts – The end of a server in the middle of an ingest, by whatever means, loses
 * nothing that was acknowledged: after the restart every acknowledged change is there without being
 * sent again, and an audit finds zero differences.
 *
 * Replay a moment of the kill with ROLLCALL_SEED=<seed>.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { isRunning } from '../../src/redis/process-life.ts';
import { dataFolder, kill9, runCli, type Served, serve } from '../support/cli.ts';

const SEED = Number(process.env.ROLLCALL_SEED ?? Date.now() % 100_000);
/** One request, all of it acknowledged by one answer. */
const REQUEST_CHANGES = 400;
/** Fewer records than changes: most changes move a record that is there. */
const RECORDS = 3_000;
const ACKNOWLEDGED_BEFORE_KILL = 10;

const TYPE = { attributes: { number: { type: 'number' }, team: { type: 'string' } } };
const SEGMENTS = [
  { field: 'number', operator: '>=', value: 2_000 },
  { field: 'team', operator: 'in', value: ['a', 'b'] },
  { field: 'team', operator: '!=', value: 'c' },
  { field: 'number', operator: 'between', value: [500, 4_500] },
].map((rule, at) => ({
  title: `Segment ${at}`,
  slug: `s${at}`,
  object_type: 'players',
  query: { combinator: 'and', rules: [rule] },
}));

/**
 * The n-th change of the stream: each one sets its own number, so what is read back names the
 * change that was last.
 */
function change(n: number): { id: string; data: { number: number; team: string } } {
  return { id: `p${(n * 7919 + SEED) % RECORDS}`, data: { number: n, team: 'abcd'[n % 4]! } };
}

async function declare(served: Served): Promise<void> {
  expect((await served.call('PUT', '/v1/object-types/players', TYPE)).status).toBe(201);
  for (const segment of SEGMENTS)
    expect((await served.call('POST', '/v1/segments', segment)).status).toBe(201);
}

/** Sends request after request until the server is gone. */
async function ingestUntilKilled(
  served: Served,
  progress: { acknowledged: number },
): Promise<void> {
  for (;;) {
    const from = progress.acknowledged;
    const lines = Array.from({ length: REQUEST_CHANGES }, (_, at) => change(from + at));
    const body = lines
      .map(({ id, data }) => JSON.stringify({ op: 'put', object_type: 'players', id, data }))
      .join('\n');
    const answer = await served
      .call('POST', '/v1/changes?wait=accepted', body, 'application/x-ndjson')
      .catch(() => undefined);
    const report = (await answer?.json().catch(() => undefined)) as
      | { accepted?: number }
      | undefined;
    if (report?.accepted !== REQUEST_CHANGES) return;
    progress.acknowledged += REQUEST_CHANGES;
  }
}

/** The number of the last acknowledged change of each record. */
function lastAcknowledged(acknowledged: number): Map<string, number> {
  const last = new Map<string, number>();
  for (let n = 0; n < acknowledged; n++) last.set(change(n).id, n);
  return last;
}

async function readAll(served: Served): Promise<Map<string, number>> {
  const numbers = new Map<string, number>();
  for (let cursor = ''; ; ) {
    const answer = await served.call('GET', `/v1/records/players?limit=1000${cursor}`);
    const { data, next_cursor: next } = (await answer.json()) as {
      data: { id: string; data: { number: number } }[];
      next_cursor: string | null;
    };
    for (const { id, data: values } of data) numbers.set(id, values.number);
    if (next === null) return numbers;
    cursor = `&cursor=${next}`;
  }
}

const WAYS = [
  { way: 'kill -9 of the server', end: (served: Served) => served.kill9(), isAdopted: true },
  {
    way: 'kill -9 of the server and its redis-server',
    end: (served: Served) => Promise.all([served.kill9(), kill9(served.redis.process)]),
    isAdopted: false,
  },
  {
    way: 'kill -9 of the redis-server, after which the server ends with 1,',
    end: async (served: Served) => {
      await kill9(served.redis.process);
      expect(await served.ended).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('redis-server has ended'),
      });
    },
    isAdopted: false,
  },
  {
    way: 'SIGTERM, after which the server ends with 0,',
    end: async (served: Served) => expect((await served.stop()).code).toBe(0),
    isAdopted: false,
  },
] as const;

describe.concurrent('in the middle of an ingest', { timeout: 120_000 }, () => {
  it.for(WAYS)(
    `$way keeps every acknowledged change, and the audit is clean (seed=${SEED})`,
    async ({ end, isAdopted }, { onTestFinished }) => {
      const folder = dataFolder();
      onTestFinished(folder.remove);
      const env = { ROLLCALL_DATA: folder.path };
      const before = await serve(env);
      onTestFinished(() => void before.child.kill('SIGKILL'));
      await declare(before);

      const progress = { acknowledged: 0 };
      const ingest = ingestUntilKilled(before, progress);
      while (progress.acknowledged < ACKNOWLEDGED_BEFORE_KILL * REQUEST_CHANGES) await sleep(1);
      await sleep(SEED % 40); // anywhere within a request
      await end(before);
      await ingest;
      expect(isRunning(before.redis.process)).toBe(isAdopted);

      const after = await serve(env);
      onTestFinished(async () => void (await after.stop()));
      expect(after.redis.process.pid === before.redis.process.pid).toBe(isAdopted);
      const numbers = await readAll(after);
      for (const [id, last] of lastAcknowledged(progress.acknowledged)) {
        const found = numbers.get(id);
        // A change of the request that was under way may have come later, and is a change of this
        // very record.
        const isLater =
          found !== undefined && found > last && found < progress.acknowledged + REQUEST_CHANGES;
        if (found !== last && !(isLater && change(found).id === id)) {
          throw new Error(`seed=${SEED} record=${id} acknowledged=${last} found=${found}`);
        }
      }
      const audited = await runCli(['audit'], env);
      expect(audited.stdout).toContain('Zero differences.');
      expect(audited.code).toBe(0);
    },
  );
});
