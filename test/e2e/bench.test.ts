/**
 * bench.test.ts – Every workload runs, small, so that none rots. Nothing here looks at a clock.
 *
 * The workloads compare each side's answers with json-logic-js themselves, and throw if one is
 * wrong.
 */
import { describe, expect, it } from 'vitest';
import { drawChart } from '../../bench/chart.ts';
import { drift, jump, people, segments } from '../../bench/data.ts';
import {
  type BenchOptions,
  circumstances,
  printTable,
  SILENT,
  spread,
  type Workload,
} from '../../bench/harness.ts';
import { BUILD } from '../../bench/workloads/build.ts';
import { CLOCK } from '../../bench/workloads/clock.ts';
import { COUNTS } from '../../bench/workloads/counts.ts';
import { FANOUT } from '../../bench/workloads/fanout.ts';
import { HTTP } from '../../bench/workloads/http.ts';
import { INGEST } from '../../bench/workloads/ingest.ts';
import { LATENCY } from '../../bench/workloads/latency.ts';
import { LOOKUP } from '../../bench/workloads/lookup.ts';
import { MEMORY } from '../../bench/workloads/memory.ts';
import { PREVIEW } from '../../bench/workloads/preview.ts';
import { STEP } from '../../bench/workloads/step.ts';

const TINY: BenchOptions = { segments: [20], records: 60, rounds: 2, seed: 7, roundMs: 2 };
/** More than one number of segments is the same for all of them: one workload shows it. */
const TINY_TWICE: BenchOptions = { ...TINY, segments: [20, 40] };

function sidesOf(workload: Workload) {
  const running = workload === STEP ? stepped() : workload.run(TINY, SILENT);
  return running.then((result) => ({
    result,
    sides: result.cases.map(({ figures }) => figures.map(({ side }) => side)),
  }));
}

let step: ReturnType<typeof STEP.run> | undefined;
const stepped = () => (step ??= STEP.run(TINY_TWICE, SILENT));

describe('the workload step', () => {
  it('finds every side right about every membership, under drift, jump and reach', async () => {
    const { result, sides } = await sidesOf(STEP);
    expect(result.cases.map(({ history, segments: count }) => `${history} ${count}`)).toEqual([
      'drift 20',
      'jump 20',
      'reach 20',
      'drift 40',
      'jump 40',
      'reach 40',
    ]);
    for (const [at, names] of sides.entries()) {
      const loops = ['json-logic-engine compiled loop', 'hand closures loop'];
      const isReach = result.cases[at]!.history === 'reach';
      expect(names).toEqual(['Rollcall', 'json-logic-js loop', ...(isReach ? [] : loops)]);
    }
  });
});

describe('the workload ingest', () => {
  it('finds the records and the member sets of every side right in Redis', async () => {
    const { result, sides } = await sidesOf(INGEST);
    const naive = 'naive engine (json-logic-js)';
    for (const [at, { history }] of result.cases.entries()) {
      const raw = history === 'jump' ? ['raw SADD/SREM'] : [];
      expect(sides[at]).toEqual(['Rollcall', 'bare log', ...raw, naive]);
    }
    for (const { figures } of result.cases)
      for (const { changes } of figures) expect(changes).toBeGreaterThan(0);
  });
});

describe('the workload http', () => {
  it('finds every line accepted, and what Rollcall made of them right', async () => {
    const { result, sides } = await sidesOf(HTTP);
    for (const names of sides) expect(names).toEqual(['Rollcall', 'bare route']);
    for (const { figures } of result.cases)
      for (const { changes } of figures) expect(changes).toBeGreaterThan(0);
  });
});

describe('the workload fanout', () => {
  it('finds every membership over a relationship right, of one target and of many', async () => {
    const { result, sides } = await sidesOf(FANOUT);
    expect(sides).toEqual([
      ['Rollcall, one target', 'raw pipelined SADD'],
      ['Rollcall, first contact', 'Rollcall, 4 clients ask', 'Rollcall, no relationship'],
    ]);
    expect(result.cases[1]!.work).toMatchObject({ contacts: TINY.records });
  });
});

describe('the workload counts', () => {
  it('finds the counts of every side right, at rest and after changes', async () => {
    const { result, sides } = await sidesOf(COUNTS);
    const names = ['Rollcall', 'raw pipelined HMGET', 'raw pipelined SCARD', 'bare route'];
    expect(sides).toEqual([names, names]);
    expect(result.cases.map(({ history }) => history)).toEqual(['at rest', '100 changes/s']);
  });
});

describe('the workload lookup', () => {
  it('finds memberships right, one at a time, many at once, and in process', async () => {
    const { result } = await sidesOf(LOOKUP);
    expect(result.cases.map(({ history }) => history).slice(0, 3)).toEqual([
      'HTTP, one at a time',
      'HTTP, 32 at once',
      'in process',
    ]);
    for (const { work } of result.cases)
      expect(work['Rollcall, in a segment p50 ms']).toBeGreaterThan(0);
  });
});

describe('the workload latency', () => {
  it('waits for each change, idle and while others come in', async () => {
    const { sides } = await sidesOf(LATENCY);
    const names = ['Rollcall, applied', 'Rollcall, applied and counted', 'XADD and XREAD'];
    expect(sides).toEqual([names, names]);
  });
});

describe('the workload build', () => {
  it('finds the members of each new segment right, alone and beside live changes', async () => {
    const { result, sides } = await sidesOf(BUILD);
    for (const names of sides)
      expect(names).toEqual([
        'Rollcall',
        'Rollcall, live changes meanwhile',
        'raw HSCAN + JSON.parse',
      ]);
    for (const { work } of result.cases) expect(work).toHaveProperty('p99, ms');
  });
});

describe('the workload clock', () => {
  it('finds all in the window until the moment at which it ends, and nobody after it', async () => {
    const { sides } = await sidesOf(CLOCK);
    for (const names of sides)
      expect(names).toEqual(['Rollcall, live changes meanwhile', 'raw pipelined SREM']);
  });
});

describe('the workload memory', () => {
  it('weighs memberships, what a worker has, a record, a link and a timer', async () => {
    const { result, sides } = await sidesOf(MEMORY);
    expect(result.cases.map(({ history, segments: count }) => `${history} ${count}`)).toEqual([
      'a membership, whole-number ids 20',
      'a membership, ids of letters 20',
      'a worker 20',
      'other pieces 2',
    ]);
    expect(sides.at(-1)).toEqual(['a record', 'its state', 'a link', 'a timer']);
    for (const { history, figures } of result.cases)
      for (const { side, changesPerSecond } of figures)
        if (history !== 'a worker') expect(changesPerSecond.median, side).toBeGreaterThan(0);
  });
});

describe('the workload preview', () => {
  it('finds what is previewed right, over own attributes and across relationships', async () => {
    const { result, sides } = await sidesOf(PREVIEW);
    const names = ['Rollcall', 'raw HVALS + JSON.parse'];
    expect(sides).toEqual([names, names, names]);
    for (const { work } of result.cases) expect(work).toHaveProperty('changes/s kept, %');
  });
});

describe('the data of the workloads', () => {
  it('is the same for the same seed', () => {
    const make = () => {
      const population = people(30, 3);
      const groups = segments(30, 4);
      return [population, groups, drift(population, groups, 50, 5), jump(population, 50, 5)];
    };
    expect(make()).toEqual(make());
  });

  it('has changes that change something', () => {
    const population = people(30, 3);
    const current = new Map(population.map(({ id, data }) => [id, data]));
    for (const { id, data = {} } of drift(population, segments(30, 4), 300, 5).changes) {
      const before = current.get(id)!;
      for (const [name, value] of Object.entries(data)) expect(value).not.toEqual(before[name]);
      current.set(id, { ...before, ...data });
    }
  });
});

describe('the harness', () => {
  it('takes the median, the lowest and the highest', () => {
    expect(spread([5, 1, 3])).toEqual({ median: 3, min: 1, max: 5 });
    expect(spread([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 });
  });

  it('prints and draws every side of every case', async () => {
    const result = await stepped();
    const about = circumstances('npm run bench -- step');
    for (const made of [
      printTable(result),
      drawChart(result, about),
      drawChart(oneCount(result), about),
    ]) {
      expect(made).toContain('Rollcall');
      expect(made).toContain('hand closures loop');
    }
  });
});

function oneCount<R extends { readonly cases: readonly { readonly segments: number }[] }>(
  result: R,
): R {
  return { ...result, cases: result.cases.filter(({ segments: count }) => count === 20) };
}
