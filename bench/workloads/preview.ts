/**
 * preview.ts – How long a preview over many records takes: of their own attributes, across a
 * relationship, and across two; and what live changes lose meanwhile.
 *
 * Keeps true: each answer is compared with json-logic-js where the records are few; else that over
 * own attributes is. The raw peer reads the very records of the people, and parses them.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Change } from '../../src/change/change.ts';
import { assert } from '../../src/errors.ts';
import type { PreviewRequest } from '../../src/preview/preview.ts';
import { compileQuery } from '../../src/query/dialects/compile.ts';
import { holds } from '../../src/query/json-logic/reference.ts';
import { document, type Graph } from '../../src/query/json-logic/reference-document.ts';
import { PEOPLE, PEOPLE_DEFINITION, type Person, people } from '../data.ts';
import {
  type BenchOptions,
  type Case,
  compare,
  type Progress,
  type Side,
  type Timed,
  type Workload,
} from '../harness.ts';
import { Random } from '../random.ts';
import { PARTITIONS, RollcallSide, withRedis } from '../rollcall-side.ts';
import type { WatchedDeployment } from '../watched-deployment.ts';
import { NOW_MS } from '../world.ts';

export const PREVIEW: Workload = {
  name: 'preview',
  defaults: { segments: [1], records: 100_000, roundMs: 4000 },
  run: async (options, progress) => {
    progress.expect(QUERIES.length * options.rounds * 2);
    const cases = await withRedis(progress, (url) => runCases(url, options, progress));
    const title = 'preview: records a second that an unsaved query is evaluated over';
    return { workload: 'preview', title, cases, notes: NOTES };
  },
};

const TEAMS = 'teams';
const PEOPLE_A_TEAM = 20;
/** As a person types: a preview each second, of another age. */
const APART_MS = 1000;
const WRITERS = 16;
/** More are compared with json-logic-js only where they look at themselves. */
const COMPARED_MAX = 2000;

const NOTES = [
  'One Node process and one private Redis (append-only file, appendfsync everysec), ' +
    `${PARTITIONS} partitions. Each preview counts, names ten records and counts each part. Each ` +
    'asks for another age, as a person who types. "first ms": nothing of the records is known yet.',
  `Teams of ${PEOPLE_A_TEAM} people on average. "both ways": people whose team has three others ` +
    'of some revenue.',
  `Changes: ${WRITERS} writers that wait for each of theirs, alone and while a preview is asked ` +
    'for each second.',
];

const ofAge = (age: number) => ({ field: 'age', operator: '>=', value: age });
const own = (age: number) => [
  { field: 'country', operator: 'in', value: ['country-1', 'country-2', 'country-3'] },
  ofAge(age),
  { field: 'tags', operator: 'contains', value: 'tag-1' },
];
const QUERIES = [
  { name: 'own attributes', rules: own },
  {
    name: 'a relationship',
    rules: (age: number) => [...own(age), { field: 'team.size', operator: '>=', value: 20 }],
  },
  {
    name: 'both ways',
    rules: (age: number) => [
      ofAge(age),
      {
        field: 'team.people',
        operator: '=',
        match: { mode: 'atLeast', threshold: 3 },
        value: {
          combinator: 'and',
          rules: [{ field: 'revenue', operator: '>', value: 100_000 }],
        },
      },
    ],
  },
] as const;

async function runCases(url: string, options: BenchOptions, progress: Progress): Promise<Case[]> {
  const empty = { nowMs: NOW_MS, people: new Map(), segments: [] };
  const ours = await RollcallSide.open(url, empty, progress);
  const { deployment } = ours;
  try {
    const team = { to: TEAMS, key: 'team_id', cardinality: 'one', inverse: 'people' } as const;
    await deployment.objectTypes.put(TEAMS, { attributes: { size: { type: 'number' } } });
    const relationships = { team };
    await deployment.objectTypes.put(PEOPLE, { ...PEOPLE_DEFINITION, relationships });
    const graph = graphOf(deployment, options);
    progress.say(`${options.records} people`);
    await (await ours.prepare(putsOfAll(graph)))();
    const cases: Case[] = [];
    for (const { name, rules } of QUERIES) {
      const previewing = new Previewing(deployment, graph, (age) => {
        return { combinator: 'and', rules: rules(age) };
      });
      await previewing.check(options.records <= COMPARED_MAX || name === 'own attributes');
      await previewing.first();
      const sides = [previewing, new Reading(deployment, options.records)];
      const figures = await compare(sides, options.rounds, progress);
      const kept = await changesKept(deployment, previewing, options);
      const work = { ...previewing.figures(), ...kept };
      cases.push({ history: name, segments: 0, work, figures });
    }
    return cases;
  } finally {
    await ours.close();
  }
}

function graphOf({ store }: WatchedDeployment, { records, seed }: BenchOptions): Graph {
  const random = new Random(seed + 3);
  const teams = Math.max(Math.round(records / PEOPLE_A_TEAM), 2);
  const members = people(records, seed).map(({ id, data }): Person => {
    return { id, data: { ...data, team_id: `t${random.below(teams)}` } };
  });
  const all: Record<string, Person[]> = {
    [PEOPLE]: members,
    [TEAMS]: Array.from({ length: teams }, (_, at) => ({ id: `t${at}`, data: { size: at % 40 } })),
  };
  return { types: store.catalog.objectTypes, records: (type) => all[type] ?? [] };
}

function putsOfAll(graph: Graph): Change[] {
  return [TEAMS, PEOPLE].flatMap((type) =>
    [...graph.records(type)].map(
      ({ id, data }): Change => ({ op: 'put', object_type: type, id, data }),
    ),
  );
}

class Previewing implements Side {
  readonly name = 'Rollcall';
  readonly #deployment: WatchedDeployment;
  readonly #graph: Graph;
  readonly #queryOf: (age: number) => unknown;
  readonly #tookMs: number[] = [];
  #firstMs = 0;
  #asked = 0;

  constructor(deployment: WatchedDeployment, graph: Graph, queryOf: (age: number) => unknown) {
    this.#deployment = deployment;
    this.#graph = graph;
    this.#queryOf = queryOf;
  }

  /** How long the first one takes, in a thread that has looked at no record of a person. */
  async first(): Promise<void> {
    const { previews } = this.#deployment;
    await previews.close();
    await this.#ask({ objectType: TEAMS, query: { combinator: 'and', rules: [] } });
    const startedMs = performance.now();
    await this.preview();
    this.#firstMs = performance.now() - startedMs;
  }

  /** @throws Error unless it is what json-logic-js says */
  async check(isCompared: boolean): Promise<void> {
    const query = this.#queryOf(30);
    const { count } = (await this.#ask({ objectType: PEOPLE, query }))!;
    if (!isCompared) return;
    const { types } = this.#graph;
    const scope = { type: types.get(PEOPLE)!, types, timeZone: 'UTC', segment: () => undefined };
    const { jsonLogic } = compileQuery(query, scope);
    const found = [...this.#graph.records(PEOPLE)].filter((record) =>
      holds(jsonLogic, document(PEOPLE, record, this.#graph), NOW_MS),
    );
    assert(count === found.length, `${count} were previewed, and there are ${found.length}`);
  }

  preview() {
    const query = this.#queryOf(30 + (this.#asked++ % 40));
    return this.#ask({ objectType: PEOPLE, query });
  }

  #ask(of: Pick<PreviewRequest, 'objectType' | 'query'>) {
    const request = { ...of, sample: 10, breakdown: true, timeoutMs: 60_000 };
    const signal = new AbortController().signal;
    return this.#deployment.previews.preview(request, { connection: {}, signal });
  }

  async round(): Promise<Timed> {
    const startedMs = performance.now();
    const { of } = (await this.preview())!;
    const ms = performance.now() - startedMs;
    this.#tookMs.push(ms);
    return { changes: of!, ms };
  }

  figures(): Record<string, number> {
    const sorted = [...this.#tookMs].sort((a, b) => a - b);
    return {
      'first ms': this.#firstMs,
      'p50 ms': sorted[sorted.length >> 1]!,
      'longest ms': sorted.at(-1)!,
    };
  }
}

class Reading implements Side {
  readonly name = 'raw HVALS + JSON.parse';
  readonly #deployment: WatchedDeployment;
  readonly #records: number;

  constructor(deployment: WatchedDeployment, records: number) {
    this.#deployment = deployment;
    this.#records = records;
  }

  async round(): Promise<Timed> {
    const { redis, keys } = this.#deployment;
    const startedMs = performance.now();
    let parsed = 0;
    for (const partition of keys.partitions) {
      const rows = await redis.hvals(partition.records(PEOPLE));
      for (const row of rows) if (JSON.parse(row) !== null) parsed++;
    }
    assert(parsed === this.#records, 'every record is read');
    return { changes: parsed, ms: performance.now() - startedMs };
  }
}

/** What writers get done beside previews, in hundredths of what they get done alone. */
async function changesKept(
  deployment: WatchedDeployment,
  previewing: Previewing,
  { records, seed, roundMs, rounds }: BenchOptions,
): Promise<Record<string, number>> {
  const random = new Random(seed + 4);
  const kept: number[] = [];
  for (let round = 0; round < Math.min(rounds, 3); round++) {
    const alone = await written(deployment, records, random, roundMs);
    let isOver = false;
    const asking = (async () => {
      while (!isOver) {
        await previewing.preview();
        await sleep(Math.min(APART_MS, roundMs));
      }
    })();
    const beside = await written(deployment, records, random, roundMs);
    isOver = true;
    await asking;
    kept.push((100 * beside) / Math.max(alone, 1));
  }
  return { 'changes/s kept, %': kept.sort((a, b) => a - b)[kept.length >> 1]! };
}

/** How many changes were applied in some time. */
async function written(
  { ingest }: WatchedDeployment,
  records: number,
  random: Random,
  ms: number,
): Promise<number> {
  const endMs = performance.now() + ms;
  let count = 0;
  const writer = async () => {
    while (performance.now() < endMs) {
      const data = { score: Math.round(random.unit() * 100_000) / 1000 };
      const id = `p${1 + random.below(records)}`;
      const change = { op: 'patch', object_type: PEOPLE, id, data } as const;
      await ingest.one(change, { wait: 'applied', timeoutMs: 60_000 });
      count++;
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
  return count;
}
