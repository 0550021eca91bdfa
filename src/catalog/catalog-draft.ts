/**
 * catalog-draft.ts – The next version of the catalog while it is being made.
 *
 * Keeps true: a draft reads like the catalog with its writes laid over it; when it is finished, every ordinal that a segment
 * names exists, and one that no segment names any more is given up: at once if it was still being built, after every
 * partition has moved on if it was answered for. Ordinals are never reused, not even for an equal predicate.
 */
import type { ObjectType } from '../change/object-type.ts';
import { objectType } from '../change/object-type.ts';
import { assert } from '../errors.ts';
import type { CompiledQuery } from '../query/compile.ts';
import { ORDINAL_MAX } from '../query/network.ts';
import type {
  Catalog,
  CatalogChange,
  CatalogWrite,
  StoredObjectType,
  StoredOrdinal,
  StoredSegment,
} from './catalog.ts';

export class CatalogDraft {
  /** The version that this draft becomes. */
  readonly version: number;
  readonly #catalog: Catalog;
  readonly #objectTypes = new Map<string, StoredObjectType | null>();
  readonly #segments = new Map<string, StoredSegment | null>();
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
    const old = this.segment(slug);
    for (const ordinal of [old?.ordinal, old?.pending]) if (typeof ordinal === 'number') this.#released.add(ordinal);
    this.#segments.set(slug, segment);
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

  /** The ordinal of a predicate: the one that is maintained already, or a new one that is to be built. */
  ordinalFor(objectTypeName: string, { key, predicate }: CompiledQuery): number {
    const known = this.#catalog.ordinalOf(objectTypeName, key) ?? this.#byKey.get(`${objectTypeName} ${key}`);
    if (known !== undefined && this.#ordinals.get(known) !== null) return known;
    const ordinal = this.#nextOrdinal++;
    assert(ordinal <= ORDINAL_MAX, 'there are ordinals left');
    this.#byKey.set(`${objectTypeName} ${key}`, ordinal);
    this.setOrdinal(ordinal, { object_type: objectTypeName, key, predicate, status: 'building', since: this.version });
    return ordinal;
  }

  /** The writes of this version; none if nothing was drafted. */
  finish(): CatalogChange {
    this.#giveUpReleased();
    const writes: CatalogWrite[] = [
      ...[...this.#objectTypes].map(([name, value]) => ['object-types', name, value] as const),
      ...[...this.#segments].map(([slug, value]) => ['segments', slug, value] as const),
      ...[...this.#ordinals].map(([ordinal, value]) => ['ordinals', String(ordinal), value] as const),
    ];
    return { nextOrdinal: this.#nextOrdinal, writes };
  }

  #giveUpReleased(): void {
    if (this.#released.size === 0) return;
    for (const { ordinal, pending } of this.segments()) {
      for (const named of [ordinal, pending]) if (named !== null) this.#released.delete(named);
    }
    for (const ordinal of this.#released) {
      const stored = this.ordinal(ordinal);
      const isAnswered = stored.status !== 'building';
      this.setOrdinal(ordinal, isAnswered ? { ...stored, status: 'retiring', since: this.version } : null);
    }
  }
}
