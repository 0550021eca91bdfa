/**
 * relationships.test.ts – Over random schemas (circles included), random filters across
 * relationships and random histories, the partitions' member sets are those of json-logic-js over
 * nested documents, whatever the order in which messages, fan-outs and builds come along.
 *
 * Replay a failure with ROLLCALL_SEED=<seed>; ROLLCALL_SOAK=1 runs thirty times as many under a new
 * seed.
 */
import fc from 'fast-check';
import { describe, it } from 'vitest';
import type { Change } from '../../src/change/change.ts';
import { objectTypeDefinition } from '../../src/change/object-type.ts';
import type { CompiledQuery } from '../../src/query/dialects/compile.ts';
import { holds } from '../../src/query/json-logic/reference.ts';
import { document, type Graph } from '../../src/query/json-logic/reference-document.ts';
import { measuredCase, type RelatedCase, relatedCase } from '../support/arbitrary-relationships.ts';
import { NOON } from '../support/contacts.ts';
import { type Choose, chooser, MemoryDeployment } from '../support/memory-deployment.ts';
import { isWhole } from '../support/whole.ts';

const SOAK = process.env.ROLLCALL_SOAK === '1';
const SEED = Number(process.env.ROLLCALL_SEED ?? (SOAK ? Date.now() % 2 ** 31 : 1));
const RUNS = SOAK ? 30_000 : isWhole ? 1_000 : 250;
const IDS = ['a', 'b', 'c', 'd', 'e'];
const CHANGES = 40;
/** Points at which everything is let come to rest and compared; in between nothing is. */
const QUIESCENCES = 2;

interface ModelRecord {
  data: Record<string, unknown>;
  archived: boolean;
}

/** The records as the changes leave them. */
class Model {
  readonly #records = new Map<string, Map<string, ModelRecord>>();

  record(type: string, id: string): ModelRecord | undefined {
    return this.#records.get(type)?.get(id);
  }

  apply({ op, object_type: type, id, data }: Change): void {
    const ofType = this.#records.get(type) ?? new Map<string, ModelRecord>();
    this.#records.set(type, ofType);
    const record = ofType.get(id);
    if (op === 'put') ofType.set(id, { data: { ...data }, archived: record?.archived ?? false });
    else if (op === 'delete') ofType.delete(id);
    else if (record && op !== 'patch') record.archived = op === 'archive';
    else if (record)
      for (const [name, value] of Object.entries(data ?? {})) setOrRemove(record.data, name, value);
  }

  graph(types: RelatedCase['types']): Graph {
    const live = (type: string) =>
      [...(this.#records.get(type) ?? [])]
        .filter(([, { archived }]) => !archived)
        .map(([id, { data }]) => ({ id, data }));
    const all = new Map([...types.keys()].map((type) => [type, live(type)]));
    return { types, records: (type) => all.get(type) ?? [] };
  }
}

function setOrRemove(data: Record<string, unknown>, name: string, value: unknown): void {
  if (value === null) delete data[name];
  else data[name] = value;
}

/**
 * A change whose values come from the records of the drawn graph, so that they meet the drawn
 * filters.
 */
function changeOf({ types, graph }: RelatedCase, model: Model, choose: Choose): Change {
  const pick = <T>(items: readonly T[]): T => items[choose(items.length)]!;
  const type = pick([...types.keys()]);
  const id = pick(IDS);
  const pool = [...graph.records(type)].map(({ data }) => data);
  const data = pool.length === 0 ? {} : withoutNull(pick(pool));
  if (!model.record(type, id) || choose(5) === 0) return { op: 'put', object_type: type, id, data };
  const op = pick([
    'patch',
    'patch',
    'patch',
    'patch',
    'archive',
    'restore',
    'restore',
    'delete',
  ] as const);
  if (op !== 'patch') return { op, object_type: type, id };
  const { attributes, relationships } = types.get(type)!;
  const name = pick([
    ...attributes.keys(),
    ...[...relationships.values()].map(({ key }) => key),
    'undeclared',
  ]);
  return { op, object_type: type, id, data: { [name]: data[name] ?? null } };
}

function withoutNull(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(data).filter(([, value]) => value !== null && value !== undefined),
  );
}

function run(drawn: RelatedCase, seed: number): void {
  const choose = chooser(seed);
  const world = new MemoryDeployment(3, choose);
  const model = new Model();
  world.declare(
    Object.fromEntries([...drawn.types].map(([name, type]) => [name, objectTypeDefinition(type)])),
  );
  const segments: { predicateId: number; compiled: CompiledQuery }[] = [];
  const waiting = [...drawn.queries];
  for (let i = 1; i <= CHANGES; i++) {
    if (waiting.length > 0 && choose(4) === 0) {
      const compiled = world.compile(drawn.type.name, waiting.shift());
      segments.push({ predicateId: world.add(drawn.type.name, compiled), compiled });
    }
    const change = changeOf(drawn, model, choose);
    model.apply(change);
    world.send(change);
    for (let turns = choose(10); turns > 0; turns--) world.advance();
    if (i % (CHANGES / QUIESCENCES) !== 0) continue;
    world.settle();
    compare(drawn, world, model.graph(drawn.types), segments, `seed=${seed} change=${i}`);
  }
}

function compare(
  { type }: RelatedCase,
  world: MemoryDeployment,
  graph: Graph,
  segments: readonly { predicateId: number; compiled: CompiledQuery }[],
  where: string,
): void {
  for (const { predicateId, compiled } of segments) {
    const matching = [...graph.records(type.name)].filter((each) =>
      holds(compiled.jsonLogic, document(type.name, each, graph), NOON),
    );
    const reference = new Set(matching.map(({ id }) => id));
    const engine = world.members(predicateId);
    const engineOnly = [...engine].filter((id) => !reference.has(id));
    const referenceOnly = [...reference].filter((id) => !engine.has(id));
    if (engineOnly.length + referenceOnly.length === 0) continue;
    const query = JSON.stringify(compiled.jsonLogic);
    throw new Error(
      `${where} segment=${predicateId} engine-only=[${engineOnly}] ` +
        `reference-only=[${referenceOnly}] ${query}`,
    );
  }
}

describe('a random history of related records', { timeout: SOAK ? 3_600_000 : 180_000 }, () => {
  it(`leaves the member sets of json-logic-js at each quiescence (seed=${SEED})`, () => {
    fc.assert(fc.property(relatedCase({ time: true }), fc.nat(), run), {
      seed: SEED,
      numRuns: RUNS,
    });
  });

  it(`leaves what is measured of many holders as they are (seed=${SEED})`, () => {
    fc.assert(fc.property(measuredCase(), fc.nat(), run), { seed: SEED, numRuns: RUNS / 5 });
  });
});
