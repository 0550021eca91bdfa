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
  PEOPLE_TYPE,
  type Person,
  people,
  type RuleGroup,
  segments,
} from './data.ts';
import type { PeerSegment } from './peers/peers.ts';

export const HISTORIES = ['drift', 'jump'] as const;
export type HistoryName = (typeof HISTORIES)[number];

export interface BenchSegment extends PeerSegment {
  readonly compiled: CompiledQuery;
}

export interface World {
  readonly people: ReadonlyMap<string, Person>;
  readonly segments: readonly BenchSegment[];
}

export function makeWorld(records: number, count: number, seed: number): World {
  const population = people(records, seed);
  return {
    people: new Map(population.map((person) => [person.id, person])),
    segments: segments(count, seed + 1).map(compileSegment),
  };
}

export function compileSegment(query: RuleGroup): BenchSegment {
  const compiled = compileQuery(query, SCOPE);
  return { query, compiled, jsonLogic: compiled.jsonLogic };
}

const SCOPE: Parameters<typeof compileQuery>[1] = {
  type: PEOPLE_TYPE,
  types: new Map([[PEOPLE, PEOPLE_TYPE]]),
  timeZone: 'UTC',
  segment: () => undefined,
};

export function makeHistory(name: HistoryName, world: World, count: number, seed: number): History {
  const population = [...world.people.values()];
  if (name === 'jump') return jump(population, count, seed + 2);
  const groups: readonly RuleGroup[] = world.segments.map(({ query }) => query);
  return drift(population, groups, count, seed + 2);
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

/**
 * What holds of each person before the history begins: by our network, which every check holds
 * against the reference.
 */
export function truthAtStart(
  world: World,
  types: ReadonlyMap<string, TypeContext>,
): ReadonlyMap<string, readonly number[]> {
  const { network } = types.get(PEOPLE)!;
  return new Map([...world.people.values()].map(({ id, data }) => [id, network.create(data, 0)]));
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

/**
 * @throws Error unless `held` are exactly the segments whose JsonLogic is truthy of the data, by
 * json-logic-js.
 */
export function checkTruth(
  side: string,
  id: string,
  data: Attributes,
  held: Iterable<number>,
  world: World,
): void {
  const expected = world.segments.flatMap(({ jsonLogic }, at) =>
    holds(jsonLogic, data) ? [at] : [],
  );
  const sorted = [...held].sort((a, b) => a - b);
  const wrong = sorted
    .filter((at) => !expected.includes(at))
    .concat(expected.filter((at) => !sorted.includes(at)));
  assert(
    wrong.length === 0,
    `${side} is wrong about ${id} in the segments ${wrong.slice(0, 5).join(', ')}`,
  );
}
