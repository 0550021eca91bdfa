/**
 * kill-import.test.ts – The end of a server in the middle of an import loses no line and doubles
 * none: the job goes on by itself where its last step ended, and every line is applied or told of
 * once.
 *
 * Replay a moment of the kill with ROLLCALL_SEED=<seed>.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { JobAnswer } from '../support/api.ts';
import { dataFolder, kill9, runCli, type Served, serve } from '../support/cli.ts';
import { eventually } from '../support/deployment.ts';
import { isWhole } from '../support/whole.ts';

const SEED = Number(process.env.ROLLCALL_SEED ?? Date.now() % 100_000);
const ROWS = isWhole ? 40_000 : 16_000;
/** Every so many rows one can't be read. */
const BAD_EVERY = 1_000;
const STEP_ROWS = 500;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function jobOf(served: Served, id: string): Promise<JobAnswer> {
  return (await (await served.call('GET', `/v1/jobs/${id}`)).json()) as JobAnswer;
}

async function recordsOf(served: Served): Promise<number> {
  let count = 0;
  for (let cursor = ''; ; ) {
    const answer = await served.call('GET', `/v1/records/rows?limit=1000${cursor}`);
    const { data, next_cursor: next } = (await answer.json()) as {
      data: { id: string; version: number; data: { n: number } }[];
      next_cursor: string | null;
    };
    for (const { id, version, data: values } of data) {
      if (id !== `r${values.n}` || version !== 1)
        throw new Error(`seed=${SEED} record=${id} version=${version}`);
      count++;
    }
    if (next === null) return count;
    cursor = `&cursor=${next}`;
  }
}

/** The harshest end first: by default it stands for the others. */
const WAYS = [
  {
    way: 'kill -9 of the redis-server and',
    end: (served: Served) => Promise.all([served.kill9(), kill9(served.redis.process)]),
  },
  { way: 'kill -9', end: (served: Served) => served.kill9() },
  { way: 'SIGTERM', end: async (served: Served) => expect((await served.stop()).code).toBe(0) },
];

describe.each(isWhole ? WAYS : WAYS.slice(0, 1))(
  '$way of the server in the middle of an import',
  { timeout: 180_000 },
  ({ end }) => {
    it(`leaves a job that goes on, with every line applied or told of once (seed=${SEED})`, async () => {
      const folder = dataFolder();
      cleanups.push(folder.remove);
      const env = { ROLLCALL_DATA: folder.path };
      const before = await serve(env);
      cleanups.push(() => before.child.kill('SIGKILL'));
      await before.call('PUT', '/v1/object-types/rows', { attributes: { n: { type: 'number' } } });
      const low = { combinator: 'and', rules: [{ field: 'n', operator: '<', value: ROWS / 2 }] };
      const segment = { title: 'Low', slug: 'low', object_type: 'rows', query: low };
      expect((await before.call('POST', '/v1/segments', segment)).status).toBe(201);
      const rows = Array.from({ length: ROWS }, (_, n) =>
        n % BAD_EVERY === 17 ? `r${n},x` : `r${n},${n}`,
      );
      const asked = await before.call(
        'POST',
        '/v1/imports/rows',
        ['id,n', ...rows].join('\n'),
        'text/csv',
      );
      const { id } = (await asked.json()) as JobAnswer;

      const progress = async () => (await jobOf(before, id)).progress.done;
      await eventually(
        'some steps are done',
        async () => (await progress()) >= 4 * STEP_ROWS,
        60_000,
      );
      await sleep(SEED % 40); // anywhere within a step
      await end(before);

      const after = await serve(env);
      cleanups.push(() => after.stop());
      const begun = await jobOf(after, id);
      expect(begun.progress.done).toBeLessThan(ROWS);
      expect(begun.progress.done).toBeGreaterThanOrEqual(4 * STEP_ROWS);
      await eventually(
        'the job has ended',
        async () => (await jobOf(after, id)).status === 'completed',
        120_000,
      );
      const bad = ROWS / BAD_EVERY;
      expect(await jobOf(after, id)).toMatchObject({
        progress: { done: ROWS, total: ROWS },
        result: { accepted: ROWS - bad, rejected: bad },
        errors_total: bad,
      });
      const errors = await (await after.call('GET', `/v1/jobs/${id}/errors`)).text();
      const lines = errors
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).line as number);
      expect(lines).toEqual(Array.from({ length: bad }, (_, at) => at * BAD_EVERY + 17 + 2));
      expect(await recordsOf(after)).toBe(ROWS - bad);
      expect((await runCli(['audit'], env)).stdout).toContain('Zero differences.');
    });
  },
);
