/**
 * networks.ts – The predicate network of every object type, kept in step with the catalog.
 *
 * Keeps true: within one turn of the event loop the networks are those of `version`. They hold
 * exactly the predicate ids that the catalog lists at that version, whatever their status, except
 * those that have failed.
 */
import type { Catalog, CatalogWrite, StoredFilter } from '../catalog/catalog.ts';
import { AbsentTruth } from '../membership/absent-truth.ts';
import {
  type Flip,
  flip,
  type NetworkOptions,
  PredicateNetwork,
} from '../query/network/network.ts';
import { applyFlips, NO_PREDICATE_IDS } from '../query/network/predicate-ids.ts';
import { type Edge, edgesAt } from './edges.ts';
import type { TypeContext } from './step.ts';

export class Networks {
  readonly types = new Map<string, TypeContext>();
  /** By edge id. */
  edges: ReadonlyMap<number, Edge> = new Map();
  readonly #catalog: Catalog;
  readonly #options: NetworkOptions;
  readonly #typeOf = new Map<number, string>();

  constructor(catalog: Catalog, options: NetworkOptions = {}) {
    this.#catalog = catalog;
    this.#options = options;
    for (const name of catalog.objectTypes.keys()) this.#writeType(name);
    for (const predicateId of catalog.predicateIds.keys()) this.#writePredicateId(predicateId);
    this.#connect();
    catalog.onChange((writes) => this.#onChange(writes));
  }

  get version(): number {
    return this.#catalog.version;
  }

  /** The activations that follow a segment or a view, by its feed id. */
  get followers(): Catalog['followers'] {
    return this.#catalog.followers;
  }

  /** Whether a feed id is that of a segment, present or gone: else it is that of a view. */
  isSegment(feedId: number): boolean {
    return this.#catalog.feedSegments.has(feedId);
  }

  /** All that feeds or webhooks may tell of. */
  filters(): Iterable<StoredFilter> {
    return this.#catalog.filters();
  }

  has(predicateId: number): boolean {
    return this.#typeOf.has(predicateId);
  }

  typeOf(predicateId: number): string | undefined {
    return this.#typeOf.get(predicateId);
  }

  /**
   * Those of a type whose truth moves with time, at the record or at neighbours that they look at.
   */
  timedPredicateIds(objectType: string): number[] {
    return [...this.#typeOf]
      .filter(([each, type]) => type === objectType && this.#catalog.isTimed([each]))
      .map(([each]) => each);
  }

  predicateIds(): Iterable<number> {
    return this.#typeOf.keys();
  }

  /** Types first: a predicate id of the same version may be the first one of its type. */
  #onChange(writes: readonly CatalogWrite[]): void {
    for (const [hash, name] of writes) if (hash === 'object-types') this.#writeType(name);
    for (const [hash, predicateId] of writes)
      if (hash === 'predicateIds') this.#writePredicateId(Number(predicateId));
    if (writes.some(([hash]) => hash !== 'segments')) this.#connect();
  }

  /** Whether there is any shared predicate: each belongs to an edge. */
  get hasShared(): boolean {
    return this.edges.size > 0;
  }

  /**
   * Whether a predicate id is a hidden predicate that one end of an edge shows to the other: it has
   * no member set.
   */
  isShared(predicateId: number): boolean {
    return this.#catalog.predicateIds.get(predicateId)?.shared !== undefined;
  }

  /** Rebuilds the edges, and hands them to the types at their ends. */
  #connect(): void {
    const { predicateIds } = this.#catalog;
    const namesOf = (objectType: string) =>
      this.types.get(objectType)?.network.attributeNames() ?? [];
    const absent = new AbsentTruth((predicateId) => this.#networkOf(predicateId));
    this.edges = edgesAt(predicateIds, namesOf, (predicateId) => absent.of(predicateId));
    const all = [...this.edges.values()];
    for (const [name, known] of this.types) {
      const out = all.filter(({ definition }) => definition.holder === name);
      const into = all.filter(({ definition }) => definition.target === name);
      this.types.set(name, { ...known, out, in: into });
    }
  }

  #networkOf(predicateId: number): PredicateNetwork | undefined {
    const objectType = this.#typeOf.get(predicateId);
    return objectType === undefined ? undefined : this.types.get(objectType)?.network;
  }

  #writeType(name: string): void {
    const type = this.#catalog.objectTypes.get(name);
    const known = this.types.get(name);
    const network = new PredicateNetwork(this.#options);
    const anew = { network, predicateIds: NO_PREDICATE_IDS, out: [], in: [] };
    if (type) this.types.set(name, { ...(known ?? anew), type });
    else this.types.delete(name);
  }

  #writePredicateId(predicateId: number): void {
    const listed = this.#catalog.predicateIds.get(predicateId);
    const stored = listed?.status === 'failed' ? undefined : listed;
    const known = this.#typeOf.get(predicateId);
    if (stored && known === undefined) {
      this.types.get(stored.object_type)?.network.add(predicateId, stored.predicate);
      this.#noteId(stored.object_type, flip(predicateId, true));
      this.#typeOf.set(predicateId, stored.object_type);
    } else if (!stored && known !== undefined) {
      this.types.get(known)?.network.remove(predicateId);
      this.#noteId(known, flip(predicateId, false));
      this.#typeOf.delete(predicateId);
    }
  }

  /** The network of a type has one predicate more, or one less. */
  #noteId(objectType: string, change: Flip): void {
    const known = this.types.get(objectType);
    if (!known) return;
    const predicateIds = applyFlips(known.predicateIds, [change]);
    this.types.set(objectType, { ...known, predicateIds });
  }
}
