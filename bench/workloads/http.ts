/**
 * http.ts – Lines of changes over HTTP, until they are applied.
 *
 * The bare route takes the same bytes and only appends them to a stream: it parses no line, checks
 * nothing, stores no record and knows no segments.
 */
import type { Change } from '../../src/change/change.ts';
import { assert } from '../../src/errors.ts';
import { type BenchOptions, type Case, compare, type Progress, type Workload } from '../harness.ts';
import { type HttpSide, LINES, openRollcallHttp } from '../http-side.ts';
import { openBareIntake } from '../peers/bare-intake.ts';
import { RollcallSide, withRedis } from '../rollcall-side.ts';
import { type Run, type Runner, Walk } from '../walk.ts';
import { checkTruth, type HistoryName, makeHistory, makeWorld, type World } from '../world.ts';

export const HTTP: Workload = {
  name: 'http',
  defaults: { segments: [1_000], records: 20_000, roundMs: 1_000 },
  run: async (options, progress) => {
    progress.expect(options.segments.length * HISTORIES.length * options.rounds * 2);
    const cases: Case[] = [];
    for (const count of options.segments) {
      for (const history of HISTORIES)
        cases.push(
          await withRedis(progress, (url) => runCase(url, history, count, options, progress)),
        );
    }
    const title = 'http: changes a second, as lines in one request, until they are applied';
    return { workload: 'http', title, cases, notes: NOTES };
  },
};

const NOTES = [
  'One Node process and one private Redis (append-only file, appendfsync everysec): client, ' +
    'server and worker share it. A round is one request of NDJSON.',
  'The bare route is a Fastify server that cuts the same bytes into lines and XADDs them, 128 an ' +
    'entry, and does nothing else with them.',
  'At the end records and member sets in Redis are compared with json-logic-js.',
];

const HISTORIES: readonly HistoryName[] = ['drift', 'jump'];

/** Changes that one side may take in a round. */
const ROUND_CHANGES_MAX = 40_000;
const CHECKED_PEOPLE = 50;

async function runCase(
  url: string,
  history: HistoryName,
  count: number,
  options: BenchOptions,
  progress: Progress,
): Promise<Case> {
  progress.say(`compiling ${count} segments`);
  const world = makeWorld(options.records, count, options.seed);
  const roundChanges = Math.min(ROUND_CHANGES_MAX, options.roundMs * 100);
  const { changes } = makeHistory(
    history,
    world,
    roundChanges * (options.rounds + 1),
    options.seed,
  );
  const side = await RollcallSide.open(url, world, progress);
  const ours = new Posting('Rollcall', await openRollcallHttp(side.deployment), '/v1/changes');
  const intake = await openBareIntake(url, 'bare:log');
  const bare = new Posting('bare route', intake, '/');
  try {
    const walks = [ours, bare].map(
      (each) => new Walk(each, changes, roundChanges, options.roundMs),
    );
    for (const walk of walks) await walk.warmUp();
    const [flipped, appliedBefore] = [await side.flipped(), walks[0]!.applied];
    const figures = await compare(walks, options.rounds, progress);
    const flips = ((await side.flipped()) - flipped) / (walks[0]!.applied - appliedBefore);
    await check(side, changes.slice(0, walks[0]!.applied), world);
    assert(intake.appended() === walks[1]!.applied, 'the bare route has appended every line');
    return { history, segments: count, work: { 'flips per change': flips }, figures };
  } finally {
    await ours.close();
    await bare.close();
    await side.close();
  }
}

class Posting implements Runner {
  readonly name: string;
  readonly #http: HttpSide;
  readonly #path: string;

  constructor(name: string, http: HttpSide, path: string) {
    this.name = name;
    this.#http = http;
    this.#path = path;
  }

  prepare(changes: readonly Change[]): Run {
    const body = Buffer.from(changes.map((change) => JSON.stringify(change)).join('\n'));
    return async () => {
      const text = await this.#http.ask('POST', this.#path, body, LINES);
      const { accepted } = JSON.parse(text) as { accepted: number };
      assert(accepted === changes.length, `${this.name} accepts every line`);
    };
  }

  close(): Promise<void> {
    return this.#http.close();
  }
}

/** The last people to be changed: what they must hold follows from the history alone. */
async function check(side: RollcallSide, applied: readonly Change[], world: World): Promise<void> {
  const ids = new Set(applied.slice(-CHECKED_PEOPLE).map(({ id }) => id));
  const expected = new Map([...ids].map((id) => [id, { ...world.people.get(id)!.data }]));
  for (const { id, data } of applied) if (ids.has(id)) Object.assign(expected.get(id)!, data);
  for (const [id, data] of expected) checkTruth('Rollcall', id, data, await side.held(id), world);
}
