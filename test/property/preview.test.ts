/**
 * preview.test.ts – Over random schemas, records and queries in every dialect, a preview says
 * what json-logic-js says: of the query, of the segment that it is compared with, and of each part
 * alone; at the moment that is asked for, and whatever was kept of earlier previews.
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
import { KeptRecords } from '../../src/preview/kept-records.ts';
import { partsOf } from '../../src/preview/parts.ts';
import { planPreview } from '../../src/preview/plan.ts';
import type { PreviewedRecords } from '../../src/preview/preview.ts';
import { runPreview } from '../../src/preview/run.ts';
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
import { MemoryRecords } from '../support/memory-records.ts';
import { isWhole } from '../support/whole.ts';

const SOAK = process.env.ROLLCALL_SOAK === '1';
const SEED = Number(process.env.ROLLCALL_SEED ?? (SOAK ? Date.now() % 2 ** 31 : 1));
const RUNS = SOAK ? 20_000 : isWhole ? 2_000 : 100;
const PARTITIONS = 3;
const SAMPLE = 3;
const DAY_MS = 86_400_000;
const SAVED = 'saved';
const MB = 1024 * 1024;
const GONE = 'gone';

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

/** One who asks again and again while records change. */
class Asking {
  readonly #drawn: RelatedCase;
  readonly #catalog: Catalog;
  readonly #source = new MemoryRecords(PARTITIONS, 1000);
  readonly #kept: KeptRecords;

  constructor(drawn: RelatedCase) {
    this.#drawn = drawn;
    this.#catalog = catalogOf(drawn);
    this.#kept = new KeptRecords(this.#source, MB);
  }

  /** Writes what other records of the type will be, one that will be gone, and one archived. */
  writeEarlier(): void {
    const { types, graph } = this.#drawn;
    for (const name of types.keys()) {
      const all = [...graph.records(name)];
      for (const [at, { id }] of all.entries()) {
        const { data } = all[(at + 1) % all.length]!;
        if (at !== 2) this.#source.write(name, id, rowOf(id, data, at === 1 ? 3 : undefined));
      }
      if (all[0]) this.#source.write(name, GONE, rowOf(GONE, all[0].data));
    }
  }

  /** Writes what is so from then on. */
  writeAll(): void {
    const { types, graph } = this.#drawn;
    for (const name of types.keys()) {
      for (const { id, data } of graph.records(name)) this.#source.write(name, id, rowOf(id, data));
      this.#source.write(name, GONE, null);
    }
  }

  async ask(query: unknown, nowMs: number) {
    const { type } = this.#drawn;
    const asked = { objectType: type.name, query, compareTo: SAVED, breakdown: true };
    const request = { ...asked, sample: SAMPLE, timeoutMs: 0 };
    const plan = await planPreview(request, { catalog: this.#catalog, timeZone: 'UTC' });
    const { signal } = new AbortController();
    const run = { plan, nowMs, sample: SAMPLE, bytesMax: 1e9, timeoutMs: 0 };
    const context = { records: this.#kept, signal, onProgress: () => {} };
    const { of, count, sample, added, removed, breakdown } = await runPreview(run, context);
    const idsOf = (records: PreviewedRecords) => ({
      count: records.count,
      sample: records.sample.map(({ id }) => id),
    });
    return {
      of,
      found: idsOf({ count: count!, sample }),
      added: idsOf(added!),
      removed: idsOf(removed!),
      parts: breakdown!.map((part) => part.count),
    };
  }
}

/** Half of the rows are of a revision before. */
function rowOf(
  id: string,
  data: Readonly<Record<string, unknown>>,
  archivedAt?: number | undefined,
): Buffer {
  const times = { createdAt: 1, updatedAt: 2, archivedAt, deletedAt: undefined };
  const kept = Object.fromEntries(
    Object.entries(data).filter(([, value]) => value !== null && value !== undefined),
  );
  const fits = id < 'c' ? 1 : 0;
  return Buffer.from(packRecord({ ...times, data: kept, version: 1, sourceVersion: 7, fits }));
}

/** The records that satisfy a query, by json-logic-js, in the order of partition and id. */
function reference({ types, type, graph }: RelatedCase, query: unknown, nowMs: number): string[] {
  const { jsonLogic } = compileQuery(query, scopeOver(types, type));
  return [...graph.records(type.name)]
    .filter((record) => holds(jsonLogic, document(type.name, record, graph), nowMs))
    .map(({ id }) => id)
    .sort((a, b) => partitionOf(a, PARTITIONS) - partitionOf(b, PARTITIONS) || (a < b ? -1 : 1));
}

function expected(ids: readonly string[]) {
  return { count: ids.length, sample: ids.slice(0, SAMPLE) };
}

/** Asked before and after all is written, twice: then nothing is looked at that was looked at. */
async function check(drawn: RelatedCase, afterMs: number): Promise<void> {
  const nowMs = NOON + afterMs;
  const query = drawn.queries[0]!;
  const found = reference(drawn, query, nowMs);
  const saved = reference(drawn, drawn.queries.at(-1), nowMs);
  const parts = partsOf(query).map((part) => reference(drawn, part.query, nowMs).length);
  const asking = new Asking(drawn);
  asking.writeEarlier();
  await asking.ask(drawn.queries.at(-1), NOON);
  await asking.ask(query, NOON);
  asking.writeAll();
  await asking.ask(query, afterMs > DAY_MS ? NOON : NOON + 40 * DAY_MS);
  for (let each = 0; each < 2; each++)
    expect(await asking.ask(query, nowMs)).toEqual({
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
