/**
 * preview.test.ts – Over random schemas, records and queries in every dialect, a preview says
 * what json-logic-js says: of the query, of the segment that it is compared with, and of each part
 * alone; at the moment that is asked for.
 *
 * Replay a failure with ROLLCALL_SEED=<seed>; ROLLCALL_SOAK=1 runs fifty times as many under a new
 * seed.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Catalog } from '../../src/catalog/catalog.ts';
import { CatalogDraft } from '../../src/catalog/catalog-draft.ts';
import { readSegment, reassign } from '../../src/catalog/segments.ts';
import { objectTypeDefinition } from '../../src/change/object-type.ts';
import { partitionOf } from '../../src/change/partition.ts';
import { packRecord } from '../../src/change/record.ts';
import { type Evaluated, Evaluation, type FoundRecords } from '../../src/preview/evaluation.ts';
import { partsOf } from '../../src/preview/parts.ts';
import { planPreview } from '../../src/preview/plan.ts';
import { RowScan } from '../../src/preview/row-scan.ts';
import { compileQuery } from '../../src/query/dialects/compile.ts';
import { holds } from '../../src/query/json-logic/reference.ts';
import { document } from '../../src/query/json-logic/reference-document.ts';
import {
  measuredCase,
  type RelatedCase,
  relatedCase,
  scopeOver,
} from '../support/arbitrary-relationships.ts';
import { NOON } from '../support/contacts.ts';
import { isWhole } from '../support/whole.ts';

const SOAK = process.env.ROLLCALL_SOAK === '1';
const SEED = Number(process.env.ROLLCALL_SEED ?? (SOAK ? Date.now() % 2 ** 31 : 1));
const RUNS = SOAK ? 20_000 : isWhole ? 2_000 : 100;
const PARTITIONS = 3;
const SAMPLE = 3;
const DAY_MS = 86_400_000;
const SAVED = 'saved';

/** The drawn types, and the drawn second query as a segment. */
function catalogOf({ types, type, queries }: RelatedCase): Catalog {
  const catalog = new Catalog();
  const draft = new CatalogDraft(catalog);
  for (const [name, drawn] of types)
    draft.setObjectType(name, { ...objectTypeDefinition(drawn), revision: 1 });
  draft.edgesWithIds();
  const saved = { title: SAVED, slug: SAVED, object_type: type.name, query: queries.at(-1) };
  reassign(draft, [readSegment(draft, saved, 'UTC')]);
  catalog.apply(draft.version, draft.finish());
  return catalog;
}

async function preview(drawn: RelatedCase, query: unknown, nowMs: number): Promise<Evaluated> {
  const { types, type, graph } = drawn;
  const asked = { objectType: type.name, query, compareTo: SAVED, breakdown: true };
  const request = { ...asked, sample: SAMPLE, timeoutMs: 0 };
  const plan = await planPreview(request, { catalog: catalogOf(drawn), timeZone: 'UTC' });
  const limits = { sample: SAMPLE, bytesMax: 1e9 };
  const evaluation = new Evaluation(plan, nowMs, limits);
  for (const { type: planned, attributes, edges } of plan.types) {
    const declared = types.get(planned.name)!.attributes;
    const scan = new RowScan({
      attributes: new Map(attributes.map((name) => [name, declared.get(name)!])),
      keys: edges.map(({ key }) => key),
      revision: 1,
      timeZone: 'UTC',
    });
    for (const { id, data } of graph.records(planned.name)) {
      const times = { createdAt: 1, updatedAt: 2, archivedAt: undefined, deletedAt: undefined };
      const kept = Object.fromEntries(
        Object.entries(data).filter(([, value]) => value !== null && value !== undefined),
      );
      // Half of the rows are of a revision before.
      const fits = id < 'c' ? 1 : 0;
      const row = packRecord({ ...times, data: kept, version: 1, sourceVersion: 7, fits });
      const scanned = scan.read(Buffer.from(row));
      evaluation.add(planned.name, partitionOf(id, PARTITIONS), id, scanned!);
    }
  }
  const ending = evaluation.finish();
  let step = ending.next();
  while (!step.done) step = ending.next();
  return step.value;
}

/** The records that satisfy a query, by json-logic-js, in the order of partition and id. */
function reference({ types, type, graph }: RelatedCase, query: unknown, nowMs: number): string[] {
  const { jsonLogic } = compileQuery(query, scopeOver(types, type));
  return [...graph.records(type.name)]
    .filter((record) => holds(jsonLogic, document(type.name, record, graph), nowMs))
    .map(({ id }) => id)
    .sort((a, b) => partitionOf(a, PARTITIONS) - partitionOf(b, PARTITIONS) || (a < b ? -1 : 1));
}

function expected(ids: readonly string[]): FoundRecords {
  const first = ids.slice(0, SAMPLE);
  return {
    count: ids.length,
    first: first.map((id) => ({ partition: partitionOf(id, PARTITIONS), id })),
  };
}

async function check(drawn: RelatedCase, afterMs: number): Promise<void> {
  const nowMs = NOON + afterMs;
  const query = drawn.queries[0]!;
  const found = reference(drawn, query, nowMs);
  const saved = reference(drawn, drawn.queries.at(-1), nowMs);
  const parts = partsOf(query).map((part) => reference(drawn, part.query, nowMs).length);
  expect(await preview(drawn, query, nowMs)).toEqual({
    of: [...drawn.graph.records(drawn.type.name)].length,
    found: expected(found),
    added: expected(found.filter((id) => !saved.includes(id))),
    removed: expected(saved.filter((id) => !found.includes(id))),
    parts,
  });
}

const later = fc.constantFrom(0, 1, DAY_MS, 40 * DAY_MS);

describe('a preview', { timeout: SOAK ? 3_600_000 : 60_000 }, () => {
  it(`is what json-logic-js says, part by part, then and later (seed=${SEED})`, async () => {
    const property = fc.asyncProperty(relatedCase({ time: true }), later, check);
    await fc.assert(property, { seed: SEED, numRuns: RUNS });
  });

  it(`is so too of what is measured of many holders (seed=${SEED})`, async () => {
    const property = fc.asyncProperty(measuredCase(), fc.constant(0), check);
    await fc.assert(property, { seed: SEED, numRuns: Math.ceil(RUNS / 4) });
  });
});
