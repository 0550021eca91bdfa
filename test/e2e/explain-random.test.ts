/**
 * explain-random.test.ts – Over random schemas, records and filters of every dialect, in a
 * deployment: the explanation of each pair of a record and a segment is its membership, and that of
 * json-logic-js; each condition is what json-logic-js says of it alone.
 *
 * ROLLCALL_WHOLE=1 explains 10,000 pairs. Replay a failure with ROLLCALL_SEED=<seed>.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { planDefinitions, readSeedItem, type SeedItem } from '../../src/catalog/seeds.ts';
import type { Change } from '../../src/change/change.ts';
import { objectType, objectTypeDefinition } from '../../src/change/object-type.ts';
import type { ExplainedPart } from '../../src/explain/explanation.ts';
import { compileQuery } from '../../src/query/dialects/compile.ts';
import { filterTree, partsWithin } from '../../src/query/dialects/filter-tree.ts';
import { isLogic } from '../../src/query/json-logic/json-logic-program.ts';
import { holds } from '../../src/query/json-logic/reference.ts';
import { document } from '../../src/query/json-logic/reference-document.ts';
import { type RelatedCase, relatedCase, scopeOver } from '../support/arbitrary-relationships.ts';
import type { TestDeployment } from '../support/client.ts';
import { eventually, openTestDeployment, send } from '../support/deployment.ts';
import { isWhole } from '../support/whole.ts';

const SEED = Number(process.env.ROLLCALL_SEED ?? 1);
const PAIRS = isWhole ? 10_000 : 200;
/** Cases that share a deployment: their types have names of their own. */
const CASES_A_DEPLOYMENT = 20;
const PATIENT = { consistency: 'strong', timeoutMs: 60_000 } as const;

it(`the explanation of ${PAIRS} random pairs is their membership (seed=${SEED})`, async () => {
  let pairs = 0;
  for (let round = 0; pairs < PAIRS; round++) {
    const numRuns = Math.min(CASES_A_DEPLOYMENT, Math.ceil((PAIRS - pairs) / 5));
    const drawn = fc
      .sample(relatedCase({ time: true }), { seed: SEED + round, numRuns })
      .map((each, at) => prefixed(each, `c${at}_`));
    const deployment = await openTestDeployment();
    try {
      await declare(deployment, drawn);
      const counted = await Promise.all(drawn.map((each, at) => examine(deployment, each, at)));
      pairs += counted.reduce((sum, each) => sum + each, 0);
    } finally {
      await deployment.close();
    }
  }
}, 3_600_000);

/** The same case, with types of other names. */
function prefixed({ types, type, graph, queries }: RelatedCase, prefix: string): RelatedCase {
  const own = [...types.values()].map((each) => {
    const { attributes, relationships } = objectTypeDefinition(each);
    const moved = Object.entries(relationships).map(
      ([name, { to, ...rest }]) => [name, { ...rest, to: `${prefix}${to}` }] as const,
    );
    const definition = { attributes, relationships: Object.fromEntries(moved) };
    return objectType(`${prefix}${each.name}`, 1, definition);
  });
  const renamed = new Map(own.map((each) => [each.name, each]));
  const records = (name: string) => graph.records(name.slice(prefix.length));
  return {
    types: renamed,
    type: renamed.get(`${prefix}${type.name}`)!,
    graph: { types: renamed, records },
    queries,
  };
}

const slugOf = (at: number, nth: number) => `s${at}-${nth}`;

/** The types and segments of all cases in one write of the catalog, and the records. */
async function declare(deployment: TestDeployment, drawn: readonly RelatedCase[]): Promise<void> {
  const types = drawn.flatMap((each) => [...each.types.values()]);
  const items = [
    ...types.map((type) => ({
      object_type: 'object_types',
      data: { name: type.name, ...objectTypeDefinition(type) },
    })),
    ...drawn.flatMap(({ type, queries }, at) =>
      queries.map((query, nth) => ({
        object_type: 'segments',
        data: { title: 'drawn', slug: slugOf(at, nth), object_type: type.name, query },
      })),
    ),
  ];
  const definitions = items.map((item, index) => readSeedItem(index, item) as SeedItem);
  await deployment.store.write((catalog) => {
    const plan = planDefinitions(catalog, definitions, 'UTC');
    expect(plan.errors).toEqual([]);
    return plan.change;
  });
  const changes = drawn.flatMap(({ types: own, graph }) =>
    [...own.keys()].flatMap((name) =>
      [...graph.records(name)].map(({ id, data }) => ({
        op: 'put' as const,
        object_type: name,
        id,
        data: Object.fromEntries(Object.entries(data).filter(([, value]) => value !== null)),
      })),
    ),
  );
  await send(deployment, changes as Change[]);
  const { catalog } = deployment.store;
  const isBuilt = () =>
    [...catalog.predicateIds.values()].every(({ status }) => status === 'ready');
  await eventually('all segments are built', isBuilt, 60_000);
}

interface Examined {
  readonly query: unknown;
  readonly slug: string;
  readonly case: RelatedCase;
}

/** @returns how many pairs were explained. */
async function examine(
  deployment: TestDeployment,
  drawn: RelatedCase,
  at: number,
): Promise<number> {
  let pairs = 0;
  for (const [nth, query] of drawn.queries.entries())
    pairs += await examineQuery(deployment, { query, slug: slugOf(at, nth), case: drawn });
  return pairs;
}

/** The query for each record: as it is saved, and for the first one as if it were not. */
async function examineQuery(
  { store, explain, members }: TestDeployment,
  { query, slug, case: { type, graph } }: Examined,
): Promise<number> {
  const { objectTypes } = store.catalog;
  const scope = scopeOver(objectTypes, objectTypes.get(type.name)!);
  const { jsonLogic } = compileQuery(query, scope);
  const alone = [...partsWithin(filterTree(query))].flatMap((part) => {
    if (part.kind === 'group' || ('parts' in part && part.connective)) return [];
    const logic = part.kind === 'json_logic' ? part.logic : part.query;
    if (part.kind === 'json_logic' && !isLogic(logic)) return [];
    return [{ path: part.path, rule: compileQuery(logic, scope).jsonLogic }];
  });
  let pairs = 0;
  for (const record of graph.records(type.name)) {
    const said = `seed=${SEED} slug=${slug} id=${record.id} ${JSON.stringify(query)}`;
    const saved = await explain.segment(slug, record.id, undefined, PATIENT);
    const of = document(type.name, record, graph);
    const expected = holds(jsonLogic, of, saved.asOfMs);
    const stored = await members.isMember(slug, record.id, PATIENT);
    expect([saved.member, saved.stored, saved.agrees], said).toEqual([expected, stored, true]);
    expect(stored, said).toBe(expected);
    if (pairs++ === 0) {
      const asked = { objectType: type.name, query };
      const unsaved = await explain.query(asked, record.id, undefined, PATIENT);
      expect(unsaved.member, said).toBe(expected);
    }
    for (const { path, rule } of alone) {
      const { passed } = partAt(saved.tree, path)!;
      expect(passed, `${path} ${said}`).toBe(holds(rule, of, saved.asOfMs));
    }
  }
  return pairs;
}

function partAt(part: ExplainedPart, path: string): ExplainedPart | undefined {
  if (part.path === path && part.parts === undefined) return part;
  for (const each of part.parts ?? []) {
    const found = partAt(each, path);
    if (found) return found;
  }
  return undefined;
}
