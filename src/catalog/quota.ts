/**
 * quota.ts – The bounds of the catalog: entries by kind, nodes of all queries, bytes of
 * definitions.
 *
 * Keeps true: a write that would exceed a bound is refused as a whole, unless it lowers that
 * measure or leaves it. Notes of the engine about builds weigh nothing, so a full catalog is still
 * built and switched.
 */
import { Problem } from '../errors.ts';
import type { LimitName, Limits } from '../limits.ts';
import { LIMITS } from '../limits.ts';
import type { Catalog, CatalogChange, CatalogWrite, StoredActivation } from './catalog.ts';

const MEASURES = [
  'segments',
  'views',
  'activations',
  'objectTypes',
  'attributes',
  'catalogNodes',
  'catalogBytes',
] as const;
type QuotaMeasure = (typeof MEASURES)[number];
type Weight = Readonly<Partial<Record<QuotaMeasure, number>>>;
type QuotaWrite = Exclude<
  CatalogWrite,
  readonly ['predicateIds' | 'feedIds' | 'histories', ...unknown[]]
>;

const WORDS: Readonly<Record<QuotaMeasure | 'activationsPerView', string>> = {
  segments: 'segments',
  views: 'views',
  activations: 'activations',
  activationsPerView: 'activations of one view',
  objectTypes: 'object types',
  attributes: 'attributes and relationships of all object types',
  catalogNodes: 'operations and values in the queries of all segments and views',
  catalogBytes: 'bytes of definitions',
};

export class Quota {
  readonly #catalog: Catalog;
  readonly #limits: Limits;
  /** By hash and field; made when the first write is weighed, and kept up from then on. */
  #weights: Map<string, Weight> | undefined;
  readonly #totals = new Map<QuotaMeasure, number>();

  constructor(catalog: Catalog, limits: Limits) {
    this.#catalog = catalog;
    this.#limits = limits;
    catalog.onChange((writes) => {
      if (this.#weights) for (const write of writes) this.#note(write);
    });
  }

  /** @throws Problem catalog_full */
  check({ writes }: CatalogChange): void {
    const weights = this.#known();
    const grown = new Map<QuotaMeasure, number>();
    for (const write of writes.filter(isEntry)) {
      const [before, after] = [weights.get(nameOf(write)) ?? {}, weightOf(write)];
      for (const measure of MEASURES)
        grown.set(
          measure,
          (grown.get(measure) ?? 0) + (after[measure] ?? 0) - (before[measure] ?? 0),
        );
    }
    for (const [measure, more] of grown) {
      const would = (this.#totals.get(measure) ?? 0) + more;
      if (more > 0 && would > this.#limits[measure])
        throw full(measure, would, this.#limits[measure]);
    }
    this.#checkViews(writes);
  }

  #checkViews(writes: readonly CatalogWrite[]): void {
    const created = writes.flatMap(([hash, id, value]) =>
      hash === 'activations' && value && !this.#catalog.activations.has(id)
        ? [value as StoredActivation]
        : [],
    );
    for (const { view } of created) {
      const would =
        this.#catalog.activationsOf(view).length +
        created.filter((other) => other.view === view).length;
      const most = this.#limits.activationsPerView;
      if (would > most) throw full('activationsPerView', would, most);
    }
  }

  #known(): ReadonlyMap<string, Weight> {
    if (this.#weights) return this.#weights;
    this.#weights = new Map();
    const { objectTypes, segments, views, activations } = this.#catalog;
    for (const [name, type] of objectTypes) {
      const { attributes, relationships } = type;
      const plain = {
        attributes: Object.fromEntries(attributes),
        relationships: Object.fromEntries(relationships),
      };
      this.#note(['object-types', name, { ...plain, revision: type.revision }]);
    }
    for (const [slug, segment] of segments) this.#note(['segments', slug, segment]);
    for (const [slug, view] of views) this.#note(['views', slug, view]);
    for (const [id, activation] of activations) this.#note(['activations', id, activation]);
    return this.#weights;
  }

  #note(write: CatalogWrite): void {
    if (!isEntry(write)) return;
    const name = nameOf(write);
    const [before, after] = [this.#weights!.get(name) ?? {}, weightOf(write)];
    for (const measure of MEASURES) {
      const more = (after[measure] ?? 0) - (before[measure] ?? 0);
      if (more !== 0) this.#totals.set(measure, (this.#totals.get(measure) ?? 0) + more);
    }
    if (write[2]) this.#weights!.set(name, after);
    else this.#weights!.delete(name);
  }
}

function isEntry(write: CatalogWrite): write is QuotaWrite {
  return write[0] !== 'predicateIds' && write[0] !== 'feedIds' && write[0] !== 'histories';
}

function nameOf([hash, field]: CatalogWrite): string {
  return `${hash} ${field}`;
}

function weightOf([hash, , value]: QuotaWrite): Weight {
  if (!value) return {};
  switch (hash) {
    case 'object-types': {
      const { attributes, relationships } = value;
      const names = Object.keys(attributes).length + Object.keys(relationships).length;
      return {
        objectTypes: 1,
        attributes: names,
        catalogBytes: bytesOf({ attributes, relationships }),
      };
    }
    case 'segments': {
      const { title, description, query, json_logic } = value;
      const catalogBytes = bytesOf({ title, description, query, json_logic });
      return { segments: 1, catalogNodes: nodesOf(json_logic), catalogBytes };
    }
    case 'views': {
      const { title, description, columns, relationships, sort } = value;
      const own = 'query' in value ? { query: value.query, json_logic: value.json_logic } : {};
      const catalogBytes = bytesOf({ title, description, columns, relationships, sort, ...own });
      return { views: 1, catalogNodes: nodesOf(own.json_logic) + nodesOf(columns), catalogBytes };
    }
    case 'activations':
      return { activations: 1, catalogBytes: bytesOf(value.url) };
  }
}

function bytesOf(value: unknown): number {
  return JSON.stringify(value).length;
}

/** Values within a value, itself included. */
function nodesOf(value: unknown): number {
  let nodes = 0;
  const left: unknown[] = value === undefined ? [] : [value];
  while (left.length > 0) {
    const next = left.pop();
    nodes += 1;
    if (typeof next === 'object' && next !== null)
      for (const member of Object.values(next)) left.push(member);
  }
  return nodes;
}

function full(measure: QuotaMeasure | 'activationsPerView', would: number, most: number): Problem {
  const { name } = LIMITS[measure satisfies LimitName];
  const detail =
    `that would be ${would} ${WORDS[measure]}, and there may be ${most}: delete what ` +
    `is not used, or raise ${name}`;
  return new Problem('catalog_full', detail, [{ path: '', detail }], {
    limit: name,
    would_be: would,
    most,
  });
}
