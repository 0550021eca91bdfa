/**
 * key-faults.ts – Finds keys, and counts, of predicates or types that do not exist.
 *
 * Keeps true: a predicate that no partition knows any more has no set, no row and no count. What
 * the engine is still removing piece by piece (edge-sweep.ts) is left over, not wrong. Ids are
 * never reused, so nothing writes to a key found here once every partition has adopted a catalog
 * without it. That is waited for before a key is called a fault.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Catalog } from '../catalog/catalog.ts';
import { addTo } from '../multimap.ts';
import type { KeyAudits, StoredName } from './audit-store.ts';
import type { StoredFault } from './fault.ts';
import { allStatuses, type StatusStore } from './partition-status.ts';

export interface KeyFaultContext {
  readonly keys: KeyAudits;
  readonly statuses: StatusStore;
  /** Follows what is stored; `refresh` brings it to what is. */
  readonly catalog: Catalog;
  readonly refresh: () => Promise<unknown>;
  readonly timeoutMs: number;
}

export interface KeyFaults {
  readonly faults: readonly StoredFault[];
  /** Keys that the engine is still removing. */
  readonly leftOver: number;
  /** Per partition. */
  readonly sets: readonly EdgeSets[];
}

/** The targets that have a set in a partition: of holders by edge, of values by predicate. */
export interface EdgeSets {
  readonly holders: ReadonlyMap<number, ReadonlySet<string>>;
  readonly values: ReadonlyMap<number, ReadonlySet<string>>;
}

const POLL_MS = 20;

export async function findKeyFaults(context: KeyFaultContext): Promise<KeyFaults> {
  const { keys, refresh } = context;
  const names = await keys.names();
  const counts = await Promise.all(names.map((_, partition) => keys.counts(partition)));
  await refresh();
  await adopted(context);
  const judged = new JudgedKeys(context);
  for (const [partition, own] of names.entries())
    await judged.addPartition(partition, own, counts[partition]!);
  return judged;
}

/** Every partition has moved to the catalog as it is known here, or has no owner to move it on. */
async function adopted({ statuses, catalog, timeoutMs }: KeyFaultContext): Promise<void> {
  const { version } = catalog;
  const deadlineMs = Date.now() + timeoutMs;
  while (Date.now() < deadlineMs) {
    const all = await allStatuses(statuses);
    if (all.every(({ catalogVersion }) => catalogVersion >= version)) return;
    await sleep(POLL_MS);
  }
}

class JudgedKeys implements KeyFaults {
  readonly faults: StoredFault[] = [];
  leftOver = 0;
  readonly sets: { holders: Map<number, Set<string>>; values: Map<number, Set<string>> }[] = [];
  readonly #context: KeyFaultContext;

  constructor(context: KeyFaultContext) {
    this.#context = context;
  }

  async addPartition(
    partition: number,
    names: readonly StoredName[],
    counts: ReadonlyMap<string, string>,
  ): Promise<void> {
    this.sets.push({ holders: new Map(), values: new Map() });
    const swept = await this.#context.keys.swept(partition);
    for (const name of names) {
      if (this.#isBorneOut(name)) this.#note(name);
      else if (swept.has(Number(name.of))) this.leftOver++;
      else await this.#found(name);
    }
    for (const [field, count] of counts) await this.#judgeCount(partition, field, count);
    await this.#judgeShared(partition);
  }

  /** Whether it is of something that there is, or of nothing that is judged here. */
  #isBorneOut({ kind, of, objectType }: StoredName): boolean {
    const { predicateIds, objectTypes } = this.#context.catalog;
    const shared = predicateIds.get(Number(of))?.shared;
    switch (kind) {
      case 'segment':
        return predicateIds.has(Number(of)) && !shared;
      case 'values':
        return shared?.keeps === 'extremes';
      case 'value-counts':
      case 'value-sources':
      case 'value-totals':
        return shared?.keeps === 'values';
      case 'holders':
      case 'neighbours':
      case 'related':
        return shared?.edgeId === Number(of);
      case 'ids':
      case 'state':
      case 'blocks':
      case 'records':
        return objectTypes.has(objectType);
      default:
        return true;
    }
  }

  #note({ partition, kind, of, target }: StoredName): void {
    if (kind !== 'holders' && kind !== 'values') return;
    const targets = this.sets[partition]![kind];
    addTo(targets, Number(of), target);
  }

  /** It may be gone by now: a sweep has come by, or a build was broken off. */
  async #found(name: StoredName): Promise<void> {
    const { partition, kind, key, removal } = name;
    const { keys } = this.#context;
    if (!(await keys.isThere(name))) return;
    const fault = { partition, of: kind, text: key, isExtra: true } as const;
    if (kind !== 'records') this.faults.push({ ...fault, place: 'sets', mend: removal });
    // Tombstones outlive their type; a record of no type must not be removed.
    else if (await keys.hasRecords(name)) this.faults.push({ ...fault, place: 'records' });
  }

  async #judgeCount(partition: number, field: string, count: string): Promise<void> {
    const { keys, catalog } = this.#context;
    const stored = catalog.predicateIds.get(Number(field));
    const isNamed = stored && String(Number(field)) === field;
    if (isNamed && !(stored.shared && count !== '0')) return;
    if ((await keys.count(partition, field)) !== count) return;
    const mend = keys.countMend(partition, field, count, isNamed ? 0 : null);
    const text = `${field}=${count}`;
    this.faults.push({ place: 'counts', partition, of: 'counts', text, isExtra: true, mend });
  }

  /** Shared predicates have no members, and a count that marks them as built. */
  async #judgeShared(partition: number): Promise<void> {
    const { keys, catalog } = this.#context;
    const counts = await keys.counts(partition);
    for (const [predicateId, { shared, status }] of catalog.predicateIds) {
      const field = String(predicateId);
      if (!shared || status !== 'ready' || counts.has(field)) continue;
      const mend = keys.countMend(partition, field, null, 0);
      const text = `${field}=none`;
      this.faults.push({ place: 'counts', partition, of: 'counts', text, isExtra: false, mend });
    }
  }
}
