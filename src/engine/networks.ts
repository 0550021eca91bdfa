/**
 * networks.ts – The predicate network of every object type, kept in step with the catalog.
 *
 * Keeps true: within one turn of the event loop the networks are those of `version`: they hold exactly the ordinals that the
 * catalog lists at that version, whatever their status.
 */
import type { Catalog, CatalogWrite } from '../catalog/catalog.ts';
import { type NetworkOptions, PredicateNetwork } from '../query/network.ts';
import type { TypeContext } from './step.ts';

export class Networks {
  readonly types = new Map<string, TypeContext>();
  readonly #catalog: Catalog;
  readonly #options: NetworkOptions;
  readonly #typeOf = new Map<number, string>();

  constructor(catalog: Catalog, options: NetworkOptions = {}) {
    this.#catalog = catalog;
    this.#options = options;
    for (const name of catalog.objectTypes.keys()) this.#writeType(name);
    for (const ordinal of catalog.ordinals.keys()) this.#writeOrdinal(ordinal);
    catalog.onChange((writes) => this.#onChange(writes));
  }

  get version(): number {
    return this.#catalog.version;
  }

  has(ordinal: number): boolean {
    return this.#typeOf.has(ordinal);
  }

  typeOf(ordinal: number): string | undefined {
    return this.#typeOf.get(ordinal);
  }

  ordinals(): Iterable<number> {
    return this.#typeOf.keys();
  }

  /** Types first: an ordinal of the same version may be the first one of its type. */
  #onChange(writes: readonly CatalogWrite[]): void {
    for (const [hash, name] of writes) if (hash === 'object-types') this.#writeType(name);
    for (const [hash, ordinal] of writes) if (hash === 'ordinals') this.#writeOrdinal(Number(ordinal));
  }

  #writeType(name: string): void {
    const type = this.#catalog.objectTypes.get(name);
    const network = this.types.get(name)?.network ?? new PredicateNetwork(this.#options);
    if (type) this.types.set(name, { type, network });
    else this.types.delete(name);
  }

  #writeOrdinal(ordinal: number): void {
    const stored = this.#catalog.ordinals.get(ordinal);
    const known = this.#typeOf.get(ordinal);
    if (stored && known === undefined) {
      this.types.get(stored.object_type)?.network.add(ordinal, stored.predicate);
      this.#typeOf.set(ordinal, stored.object_type);
    } else if (!stored && known !== undefined) {
      this.types.get(known)?.network.remove(ordinal);
      this.#typeOf.delete(ordinal);
    }
  }
}
