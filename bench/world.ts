/**
 * world.ts – One case of a workload: people, segments compiled, a history, and what holds before
 * the history begins.
 */
import type { Change } from '../src/change/change.ts';
import { type Batch, LOG_START, type LogEntry } from '../src/engine/batch.ts';
import type { TypeContext } from '../src/engine/step.ts';
import { assert } from '../src/errors.ts';
import { type CompiledQuery, compileQuery } from '../src/query/dialects/compile.ts';
import { holds } from '../src/query/json-logic/reference.ts';
import { PredicateNetwork } from '../src/query/network/network.ts';
import { predicateIds } from '../src/query/network/predicate-ids.ts';
import type { Attributes } from '../src/query/predicate/view.ts';
import {
  drift,
  type History,
  jump,
  PEOPLE,
  PEOPLE_DEFINITION,
  PEOPLE_TYPE,
  type Person,
  people,
  type RuleGroup,
  segments,
} from './data.ts';
import { Documents } from './documents.ts';
import type { PeerSegment } from './peers/peers.ts';
import {
  type Neighbours,
  ORDERS,
  ORGANIZATIONS,
  REACH_TYPES,
  reachingHistory,
  reachingSegments,
  withNeighbours,
} from './reach.ts';

const HISTORIES = ['drift', 'jump', 'reach'] as const;
export type HistoryName = (typeof HISTORIES)[number];

/** Above it `reach` takes most of an hour: a peer evaluates the documents of neighbourhoods. */
const REACHED_SEGMENTS_MAX = 1_000;

/**
 * The histories that are run over so many segments: those that were asked for by name, or else
 * those that end within minutes.
 */
export function historiesAt(
  segments: number,
  { histories }: { readonly histories?: readonly string[] },
): HistoryName[] {
  return HISTORIES.filter((name) =>
    histories ? histories.includes(name) : name !== 'reach' || segments <= REACHED_SEGMENTS_MAX,
  );
}

export interface BenchSegment extends PeerSegment {
  readonly compiled: CompiledQuery;
}

export interface World {
  readonly people: ReadonlyMap<string, Person>;
  readonly segments: readonly BenchSegment[];
  /** What the segments reach beside the people; undefined: they ask own attributes alone. */
  readonly neighbours?: Neighbours;
  /** The clock of all sides that have none of their own. */
  readonly nowMs: number;
}

/** The clock where nothing asks for it. */
export const NOW_MS = Date.parse('2026-01-01');

export function makeWorld(records: number, count: number, seed: number): World {
  const population = people(records, seed);
  return {
    nowMs: NOW_MS,
    people: new Map(population.map((person) => [person.id, person])),
    segments: segments(count, seed + 1).map((query) => compileSegment(query)),
  };
}

/** The same people with neighbours, and segments that reach these or look at the clock. */
export function makeReachingWorld(
  records: number,
  count: number,
  seed: number,
  nowMs: number,
): World {
  const { people: population, ...neighbours } = withNeighbours(people(records, seed), seed + 5);
  return {
    people: new Map(population.map((person) => [person.id, person])),
    segments: reachingSegments(count, seed + 1, nowMs).map((query) =>
      compileSegment(query, REACHING_SCOPE),
    ),
    neighbours,
    nowMs,
  };
}

export function compileSegment(query: RuleGroup, scope = SCOPE): BenchSegment {
  const compiled = compileQuery(query, scope);
  return { query, compiled, jsonLogic: compiled.jsonLogic };
}

const SCOPE: Parameters<typeof compileQuery>[1] = {
  type: PEOPLE_TYPE,
  types: new Map([[PEOPLE, PEOPLE_TYPE]]),
  timeZone: 'UTC',
  segment: () => undefined,
};

const REACHING_SCOPE: typeof SCOPE = {
  ...SCOPE,
  type: REACH_TYPES.get(PEOPLE)!,
  types: REACH_TYPES,
};

/** Caller: the world of `reach` has neighbours. */
export function makeHistory(name: HistoryName, world: World, count: number, seed: number): History {
  const population = [...world.people.values()];
  if (name === 'jump') return jump(population, count, seed + 2);
  const groups: readonly RuleGroup[] = world.segments.map(({ query }) => query);
  const { neighbours } = world;
  if (!neighbours) return drift(population, groups, count, seed + 2);
  const drifting = drift(population, groups.filter(asksOwnAttributes), count, seed + 2);
  return { ...drifting, changes: reachingHistory(drifting.changes, neighbours, seed + 6) };
}

function asksOwnAttributes({ rules }: RuleGroup): boolean {
  return rules.every((rule) =>
    'rules' in rule
      ? asksOwnAttributes(rule)
      : rule.field in PEOPLE_DEFINITION.attributes && !String(rule.operator).endsWith('Last'),
  );
}

/** The network of the people's type, with the segments as predicate ids from 0. */
export function makeTypes({ segments }: World): ReadonlyMap<string, TypeContext> {
  const network = new PredicateNetwork();
  segments.forEach(({ compiled }, predicateId) => {
    network.add(predicateId, compiled.predicate);
  });
  const all = predicateIds([...segments.keys()]);
  const context = { type: PEOPLE_TYPE, network, predicateIds: all, out: [], in: [] };
  return new Map([[PEOPLE, context]]);
}

/** Changes that travel in one entry of a log, as delivery packs them. */
export const ENTRY_CHANGES = 256;

/** Changes as batches of a processor: two full entries each. */
export function batchesOf(changes: readonly Change[]): Batch[] {
  const entries: LogEntry[] = [];
  for (let from = 0; from < changes.length; from += ENTRY_CHANGES) {
    const some = changes.slice(from, from + ENTRY_CHANGES);
    entries.push({
      id: `${from + 1}-0`,
      checkedAt: PEOPLE_TYPE.revision,
      changes: some,
      payload: '',
    });
  }
  const batches: Batch[] = [];
  for (let from = 0; from < entries.length; from += 2) {
    batches.push({
      entries: entries.slice(from, from + 2),
      position: LOG_START,
      backfills: [],
      expired: [],
    });
  }
  return batches;
}

/** The documents that json-logic-js is asked of. */
export function documentsOf({ people: population, neighbours }: World): Documents {
  return new Documents(population.values(), neighbours);
}

/** All records of the world, those that others point at first. */
export function putsOf({ people: population, neighbours }: World): Change[] {
  const each = (objectType: string, records: Iterable<Person>) =>
    [...records].map(({ id, data }): Change => ({ op: 'put', object_type: objectType, id, data }));
  return [
    ...each(ORGANIZATIONS, neighbours?.organizations ?? []),
    ...each(PEOPLE, population.values()),
    ...each(ORDERS, neighbours?.orders ?? []),
  ];
}

/**
 * @throws Error unless `held` are exactly the segments whose JsonLogic is truthy of the data, by
 * json-logic-js.
 */
export function checkTruth(
  side: string,
  id: string,
  data: Attributes,
  held: Iterable<number>,
  { segments: all, nowMs }: World,
): void {
  const expected = all.flatMap(({ jsonLogic }, at) => (holds(jsonLogic, data, nowMs) ? [at] : []));
  const sorted = [...held].sort((a, b) => a - b);
  const wrong = sorted
    .filter((at) => !expected.includes(at))
    .concat(expected.filter((at) => !sorted.includes(at)));
  assert(
    wrong.length === 0,
    `${side} is wrong about ${id} in the segments ${wrong.slice(0, 5).join(', ')}`,
  );
}
