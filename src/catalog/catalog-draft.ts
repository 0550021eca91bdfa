/**
 * catalog-draft.ts – The next version of the catalog while it is being made.
 *
 * Keeps true: a draft reads like the catalog with its writes laid over it; when it is finished, every ordinal that a segment
 * or view names exists, and one that none names any more is given up: at once if it was still being built, after every
 * partition has moved on if it was answered for (one that has failed is not). Ordinals are never
 * reused, not even for an equal predicate.
 */
import { anchorKey, edgesOf } from '../change/edge.ts';
import { type ObjectType, objectType } from '../change/object-type.ts';
import { assert } from '../errors.ts';
import { type CompiledQuery, predicateAttributes, statementKey } from '../query/compile.ts';
import { isDerivedName, readDerivedName } from '../query/derived-attribute.ts';
import { type LoweringContext, lower } from '../query/lower.ts';
import { ORDINAL_MAX } from '../query/network.ts';
import { predicateKey } from '../query/normalize.ts';
import { ALWAYS, type Predicate } from '../query/predicate.ts';
import type {
  Catalog,
  CatalogChange,
  CatalogWrite,
  StoredActivation,
  StoredFilter,
  StoredObjectType,
  StoredOrdinal,
  StoredSegment,
  StoredView,
} from './catalog.ts';
import { hasOwnQuery, isView } from './catalog.ts';

export class CatalogDraft {
  /** The version that this draft becomes. */
  readonly version: number;
  readonly #catalog: Catalog;
  readonly #objectTypes = new Map<string, StoredObjectType | null>();
  readonly #segments = new Map<string, StoredSegment | null>();
  readonly #views = new Map<string, StoredView | null>();
  readonly #activations = new Map<string, StoredActivation | null>();
  readonly #ordinals = new Map<number, StoredOrdinal | null>();
  readonly #byKey = new Map<string, number>();
  /** Ordinals that lost a name in this draft. */
  readonly #released = new Set<number>();
  #nextOrdinal: number;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
    this.version = catalog.version + 1;
    this.#nextOrdinal = catalog.nextOrdinal;
  }

  segment(slug: string): StoredSegment | undefined {
    const drafted = this.#segments.get(slug);
    return drafted === undefined ? this.#catalog.segments.get(slug) : (drafted ?? undefined);
  }

  *segments(): Iterable<StoredSegment> {
    for (const segment of this.#catalog.segments.values()) if (!this.#segments.has(segment.slug)) yield segment;
    for (const segment of this.#segments.values()) if (segment) yield segment;
  }

  setSegment(slug: string, segment: StoredSegment | null): void {
    this.#release(this.segment(slug));
    this.#segments.set(slug, segment);
  }

  view(slug: string): StoredView | undefined {
    const drafted = this.#views.get(slug);
    return drafted === undefined ? this.#catalog.views.get(slug) : (drafted ?? undefined);
  }

  *views(): Iterable<StoredView> {
    for (const view of this.#catalog.views.values()) if (!this.#views.has(view.slug)) yield view;
    for (const view of this.#views.values()) if (view) yield view;
  }

  setView(slug: string, view: StoredView | null): void {
    const old = this.view(slug);
    if (old && hasOwnQuery(old)) this.#release(old);
    this.#views.set(slug, view);
    if (!view) for (const { id } of this.#catalog.activationsOf(slug)) this.setActivation(id, null);
  }

  setActivation(id: string, activation: StoredActivation | null): void {
    this.#activations.set(id, activation);
  }

  /** All that is built and switched. */
  *filters(): Iterable<StoredFilter> {
    yield* this.segments();
    for (const view of this.views()) if (hasOwnQuery(view)) yield view;
  }

  setFilter(filter: StoredFilter): void {
    if (isView(filter)) this.setView(filter.slug, filter);
    else this.setSegment(filter.slug, filter);
  }

  #release(old: StoredFilter | undefined): void {
    for (const ordinal of [old?.ordinal, old?.pending]) if (typeof ordinal === 'number') this.#released.add(ordinal);
  }

  objectTypes(): ReadonlyMap<string, ObjectType> {
    const types = new Map(this.#catalog.objectTypes);
    for (const [name, stored] of this.#objectTypes) {
      if (stored) types.set(name, objectType(name, stored.revision, stored));
      else types.delete(name);
    }
    return types;
  }

  setObjectType(name: string, stored: StoredObjectType | null): void {
    this.#objectTypes.set(name, stored);
  }

  ordinal(ordinal: number): StoredOrdinal {
    const stored = this.#ordinals.get(ordinal) ?? this.#catalog.ordinals.get(ordinal);
    assert(stored, `ordinal ${ordinal} is in the catalog`);
    return stored;
  }

  setOrdinal(ordinal: number, stored: StoredOrdinal | null): void {
    this.#ordinals.set(ordinal, stored);
  }

  /** The ordinal of a query's predicate: the one that is maintained already, or a new one that is to be built. */
  ordinalFor(objectTypeName: string, { key, predicate }: CompiledQuery): number {
    const known = this.#known(objectTypeName, key);
    if (known !== undefined) return known;
    const flat = lower(predicate, objectTypeName, this.#lowering);
    const source = flat === predicate || predicateKey(flat) === predicateKey(predicate) ? {} : { source: predicate };
    return this.#allocate({ object_type: objectTypeName, key, predicate: flat, ...source, ...readsOf(flat) });
  }

  /** The ordinal of an edge's anchor, the exported predicate that holds of every live holder. */
  anchorOf(edge: string): number {
    const definition = edgesOf(this.objectTypes().values()).get(edge);
    assert(definition, `the relationship ${edge} is declared`);
    const key = anchorKey(definition);
    const known = this.#known(definition.holder, key);
    if (known !== undefined) return known;
    const exported = { edge, anchor: this.#nextOrdinal, direction: 'in' as const, definition };
    return this.#allocate({ object_type: definition.holder, key, predicate: ALWAYS, exported });
  }

  /** Gives every declared relationship its anchor, and gives up those of relationships that are no more. */
  anchorEdges(): void {
    for (const edge of edgesOf(this.objectTypes().values()).keys()) this.anchorOf(edge);
    for (const [ordinal, { exported }] of this.#allOrdinals()) {
      if (exported?.anchor === ordinal) this.#released.add(ordinal);
    }
  }

  readonly #lowering: LoweringContext = {
    neighbourOf: (edge, direction) => {
      const definition = edgesOf(this.objectTypes().values()).get(edge);
      assert(definition, `the relationship ${edge} is declared`);
      return direction === 'out' ? definition.target : definition.holder;
    },
    exportOrdinal: (objectTypeName, _, flat, travel) => {
      const anchor = this.anchorOf(travel.edge);
      const types = this.objectTypes();
      const type = types.get(objectTypeName)!;
      const { edge, direction, attribute, isOrdered = false } = travel;
      const numbers = attribute === undefined ? {} : { attribute, ordered: isOrdered };
      const number = attribute === undefined ? '' : `${attribute}:${type.attributes.get(attribute)?.type}:${isOrdered}`;
      const key = `export ${anchor} ${direction} ${number} ${statementKey(flat, type, types)}`;
      const exported = { edge, anchor, direction, ...numbers };
      const known = this.#known(objectTypeName, key);
      return known ?? this.#allocate({ object_type: objectTypeName, key, predicate: flat, exported, ...readsOf(flat) });
    },
  };

  #known(objectTypeName: string, key: string): number | undefined {
    const known = this.#catalog.ordinalOf(objectTypeName, key) ?? this.#byKey.get(`${objectTypeName} ${key}`);
    return known !== undefined && this.#ordinals.get(known) !== null ? known : undefined;
  }

  #allocate(stored: Omit<StoredOrdinal, 'status' | 'since'>): number {
    const ordinal = this.#nextOrdinal++;
    assert(ordinal <= ORDINAL_MAX, 'there are ordinals left');
    this.#byKey.set(`${stored.object_type} ${stored.key}`, ordinal);
    this.setOrdinal(ordinal, { ...stored, status: 'building', since: this.version });
    return ordinal;
  }

  *#allOrdinals(): Iterable<[number, StoredOrdinal]> {
    for (const [ordinal, stored] of this.#catalog.ordinals) if (!this.#ordinals.has(ordinal)) yield [ordinal, stored];
    for (const [ordinal, stored] of this.#ordinals) if (stored) yield [ordinal, stored];
  }

  /** The writes of this version; none if nothing was drafted. */
  finish(): CatalogChange {
    this.#giveUpReleased();
    const writes: CatalogWrite[] = [
      ...[...this.#objectTypes].map(([name, value]) => ['object-types', name, value] as const),
      ...[...this.#segments].map(([slug, value]) => ['segments', slug, value] as const),
      ...[...this.#views].map(([slug, value]) => ['views', slug, value] as const),
      ...[...this.#activations].map(([id, value]) => ['activations', id, value] as const),
      ...[...this.#ordinals].map(([ordinal, value]) => ['ordinals', String(ordinal), value] as const),
    ];
    return { nextOrdinal: this.#nextOrdinal, writes };
  }

  #giveUpReleased(): void {
    if (this.#released.size === 0) return;
    const needed = this.#neededOrdinals();
    for (const [ordinal, stored] of [...this.#allOrdinals()]) {
      if (needed.has(ordinal) || stored.status === 'retiring') continue;
      const isAnswered = stored.status === 'ready';
      this.setOrdinal(ordinal, isAnswered ? { ...stored, status: 'retiring', since: this.version } : null);
    }
  }

  /** Those that segments and views name, those that declared relationships stand on, and all that these read. */
  #neededOrdinals(): Set<number> {
    const needed = new Set<number>();
    const need = (ordinal: number) => {
      if (needed.has(ordinal)) return;
      needed.add(ordinal);
      const { reads = [], exported } = this.ordinal(ordinal);
      for (const read of reads) need(read);
      if (exported) need(exported.anchor);
    };
    for (const { ordinal, pending } of this.filters()) {
      for (const named of [ordinal, pending]) if (named !== null) need(named);
    }
    const anchors = new Map(
      [...edgesOf(this.objectTypes().values()).values()].map((edge) => [edge.name, anchorKey(edge)]),
    );
    for (const [ordinal, { exported, key }] of this.#allOrdinals()) {
      if (exported?.anchor === ordinal && anchors.get(exported.edge) === key) need(ordinal);
    }
    return needed;
  }
}

/** The exported predicates that a lowered one reads at its neighbours. */
function readsOf(flat: Predicate): { readonly reads?: readonly number[] } {
  const reads = new Set(
    predicateAttributes(flat)
      .filter(isDerivedName)
      .map((name) => readDerivedName(name).ordinal),
  );
  return reads.size === 0 ? {} : { reads: [...reads].sort((a, b) => a - b) };
}
