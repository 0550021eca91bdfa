/**
 * next-flips.ts – Finds the moment at which the clock alone next flips something of a record, by
 * the catalog alone.
 *
 * Keeps true: only predicates that are built count. The engine's own networks are not asked: an
 * audit compares with them.
 */
import type { Catalog } from '../catalog/catalog.ts';
import type { ObjectType } from '../change/object-type.ts';
import { filterableData, type RecordRow } from '../change/record.ts';
import { PredicateNetwork } from '../query/network/network.ts';
import { readsClock } from '../query/predicate/statement.ts';

/** By object type, what moves with time, for one version of the catalog. */
interface TimedNetworks {
  readonly version: number;
  readonly byType: ReadonlyMap<string, PredicateNetwork>;
}

export class NextFlips {
  readonly #catalog: Catalog;
  readonly #timeZone: string;
  #networks: TimedNetworks | undefined;

  /** `catalog` may go on. */
  constructor(catalog: Catalog, timeZone: string) {
    this.#catalog = catalog;
    this.#timeZone = timeZone;
  }

  /** In ms; undefined: the clock flips nothing of the record. */
  of(type: ObjectType, record: RecordRow, nowMs: number): number | undefined {
    const network = this.#current().byType.get(type.name);
    return network?.nextFlip(filterableData(record, type, this.#timeZone), nowMs);
  }

  #current(): TimedNetworks {
    const { version, predicateIds } = this.#catalog;
    if (this.#networks?.version === version) return this.#networks;
    const byType = new Map<string, PredicateNetwork>();
    for (const [predicateId, { object_type: name, predicate, status }] of predicateIds) {
      if (status !== 'ready' || !readsClock(predicate)) continue;
      const network = byType.get(name) ?? new PredicateNetwork();
      network.add(predicateId, predicate);
      byType.set(name, network);
    }
    this.#networks = { version, byType };
    return this.#networks;
  }
}
