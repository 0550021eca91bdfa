/**
 * catalogs.ts – The stored catalog, and the replicas of the processes that follow it at their own
 * pace.
 *
 * Keeps true: a replica moves by whole versions, in their order; a process that starts anew loads
 * what is stored.
 */
import { Catalog, type CatalogChange, type CatalogWrite } from '../../src/catalog/catalog.ts';
import { CatalogDraft } from '../../src/catalog/catalog-draft.ts';
import type { CatalogWriter } from '../../src/catalog/catalog-writer.ts';
import { Solo } from '../../src/engine/care.ts';
import { Networks } from '../../src/engine/networks.ts';
import type { NetworkOptions } from '../../src/query/network/network.ts';
import { BLOCK_IDS_MAX } from '../../src/query/network/predicate-ids.ts';

/** Predicates of different versions mostly lie in different blocks of the states of records. */
const IDS_SKIPPED = Math.ceil(0.7 * BLOCK_IDS_MAX);

export class StoredCatalog {
  readonly catalog = new Catalog();
  readonly #versions: CatalogChange[] = [];
  readonly #content = new Map<string, CatalogWrite>();

  /** For what declares types and segments: nobody else is ever faster. */
  readonly writer: CatalogWriter = {
    catalog: this.catalog,
    refresh: async () => this.catalog,
    write: async (make) => this.write(make),
  };

  get version(): number {
    return this.catalog.version;
  }

  /** Writes the next version, if there is something to write. */
  write(make: (catalog: Catalog) => CatalogChange | undefined): void {
    const made = make(this.catalog);
    if (!made || made.writes.length === 0) return;
    const change = { ...made, nextPredicateId: made.nextPredicateId + IDS_SKIPPED };
    for (const write of change.writes) this.#content.set(`${write[0]} ${write[1]}`, write);
    this.#versions.push(change);
    this.catalog.apply(this.catalog.version + 1, change);
  }

  draft(make: (draft: CatalogDraft) => void): void {
    this.write((catalog) => {
      const draft = new CatalogDraft(catalog);
      make(draft);
      return draft.finish();
    });
  }

  change(version: number): CatalogChange {
    return this.#versions[version - 1]!;
  }

  loadInto(catalog: Catalog): void {
    const { version, nextPredicateId } = this.catalog;
    const writes = [...this.#content.values()].filter(([, , value]) => value !== null);
    catalog.load({ version, nextPredicateId, writes });
  }
}

/**
 * One process: its replica of the catalog, the networks that its processors share, and its clock.
 */
export class Process {
  readonly #stored: StoredCatalog;
  readonly #options: NetworkOptions;
  #catalog!: Catalog;
  networks!: Networks;
  solo = new Solo();
  /** It is about to die of what it evaluates. */
  isDying = false;
  /** How far its clock is behind that of the server. */
  lateMs = 0;

  constructor(stored: StoredCatalog, options: NetworkOptions = {}) {
    this.#stored = stored;
    this.#options = options;
    this.restart();
  }

  get version(): number {
    return this.#catalog.version;
  }

  get isBehind(): boolean {
    return this.version < this.#stored.version;
  }

  restart(): void {
    this.#catalog = new Catalog();
    this.#stored.loadInto(this.#catalog);
    this.networks = new Networks(this.#catalog, this.#options);
    this.solo = new Solo();
    this.isDying = false;
  }

  /** Moves to the next version. */
  follow(): void {
    this.#catalog.apply(this.version + 1, this.#stored.change(this.version + 1));
  }

  /** Moves to what is stored, if it is not at this version yet. */
  refresh(version: number): void {
    if (this.version < version) while (this.isBehind) this.follow();
  }
}
