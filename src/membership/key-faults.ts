/**
 * key-faults.ts – Looks at the names of all keys, and at the fields of counts: is each one of an
 * predicate id and a type that there is?
 *
 * Keeps true: a predicate id that no partition knows any more has no set, no row and no count; what
 * the engine is still removing piece by piece (edge-sweep.ts) is left over, not wrong. Numbers are
 * never reused, so nobody writes to what is found here once every partition has adopted a catalog
 * without it: that is what is waited for before a key is called a fault.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Catalog } from '../catalog/catalog.ts';
import type { PartitionKeys } from '../redis/keys.ts';
import { readPartitionStatus } from '../redis/partition-status.ts';
import { existsIn, type Fault } from './fault.ts';

export interface KeyFaultContext {
  readonly redis: Redis;
  readonly prefix: string;
  readonly partitions: readonly PartitionKeys[];
  readonly catalog: Catalog;
  readonly refresh: () => Promise<unknown>;
  readonly timeoutMs: number;
}

export interface KeyFaults {
  readonly faults: readonly Fault[];
  /** Keys that the engine is still removing. */
  readonly leftOver: number;
  /**
   * Per partition, of the sets that relationships have: the targets that have one, by edge id or
   * predicate id.
   */
  readonly sets: readonly EdgeSets[];
}

export interface EdgeSets {
  readonly holders: ReadonlyMap<number, ReadonlySet<string>>;
  readonly values: ReadonlyMap<number, ReadonlySet<string>>;
}

const SCAN_COUNT = 1000;
const POLL_MS = 20;

export async function findKeyFaults(context: KeyFaultContext): Promise<KeyFaults> {
  const { redis, partitions, refresh } = context;
  const names = await allNames(context);
  const counts = await Promise.all(partitions.map((keys) => redis.hgetall(keys.counts)));
  await refresh();
  await adopted(context);
  const look = new Look(context);
  for (const [partition, own] of names.entries())
    await look.partition(partition, own, counts[partition]!);
  return look;
}

/**
 * The names of all keys, by partition: one pass over the whole key space, which others may share.
 */
async function allNames({ redis, prefix, partitions }: KeyFaultContext): Promise<string[][]> {
  const names: string[][] = partitions.map(() => []);
  const match = `${prefix.replace(/[\\*?[\]]/g, '\\$&')}:{*}:*`;
  const own = new Map(partitions.map(({ base }, at) => [base, at]));
  for await (const keys of redis.scanStream({ match, count: SCAN_COUNT })) {
    for (const key of keys as string[]) {
      const base = key.slice(0, key.indexOf('}:') + 2);
      const at = own.get(base);
      if (at !== undefined) names[at]!.push(key.slice(base.length));
    }
  }
  return names.map((some) => [...new Set(some)]);
}

/** Every partition has moved to the catalog as it is known here, or nobody moves it on. */
async function adopted({ redis, partitions, catalog, timeoutMs }: KeyFaultContext): Promise<void> {
  const { version } = catalog;
  const deadlineMs = Date.now() + timeoutMs;
  while (Date.now() < deadlineMs) {
    const statuses = await Promise.all(
      partitions.map((keys) => readPartitionStatus(redis, keys, [])),
    );
    if (statuses.every(({ catalogVersion }) => catalogVersion >= version)) return;
    await sleep(POLL_MS);
  }
}

class Look implements KeyFaults {
  readonly faults: Fault[] = [];
  leftOver = 0;
  readonly sets: { holders: Map<number, Set<string>>; values: Map<number, Set<string>> }[] = [];
  readonly #context: KeyFaultContext;

  constructor(context: KeyFaultContext) {
    this.#context = context;
  }

  async partition(
    partition: number,
    names: readonly string[],
    counts: Readonly<Record<string, string>>,
  ): Promise<void> {
    const { redis, partitions } = this.#context;
    const keys = partitions[partition]!;
    this.sets.push({ holders: new Map(), values: new Map() });
    const swept = new Set(
      (await redis.hkeys(keys.meta)).filter((field) => field.startsWith('sets:')),
    );
    for (const name of names) {
      const kind = this.#judge(name, partition);
      if (kind === undefined) continue;
      if (swept.has(`sets:${predicateIdIn(name)}`)) this.leftOver++;
      else await this.#found(partition, kind, keys.base + name);
    }
    for (const [field, count] of Object.entries(counts))
      await this.#judgeCount(partition, keys, field, count);
    await this.#judgeShares(partition, keys);
  }

  /**
   * Predicates that relationships need have no members, and a number that says that they are built.
   */
  async #judgeShares(partition: number, keys: PartitionKeys): Promise<void> {
    const { redis, catalog } = this.#context;
    const built = [...catalog.predicateIds].filter(
      ([, { shared, status }]) => shared && status === 'ready',
    );
    if (built.length === 0) return;
    const stored = await redis.hmget(
      keys.counts,
      ...built.map(([predicateId]) => String(predicateId)),
    );
    for (const [at, [predicateId]] of built.entries()) {
      if (stored[at] !== null) continue;
      const guards = [{ key: keys.counts, field: String(predicateId), value: null }];
      const mend = {
        verb: 'HSET',
        key: keys.counts,
        arguments: [predicateId, '0'],
        guards,
      } as const;
      this.faults.push({
        place: 'counts',
        partition,
        of: 'counts',
        told: `${predicateId}=none`,
        isExtra: false,
        mend,
      });
    }
  }

  /** What kind of key it is, if it is of nothing that there is. */
  #judge(name: string, partition: number): string | undefined {
    const [kind = '', of = ''] = name.split(':', 2);
    const { predicateIds, objectTypes } = this.#context.catalog;
    const shared = predicateIds.get(Number(of))?.shared;
    switch (kind) {
      case 'segment':
        return predicateIds.has(Number(of)) && !shared ? undefined : kind;
      case 'holders':
        return shared?.edgeId === Number(of) ? this.#note(name, partition, kind) : kind;
      case 'values':
        return shared?.keeps === 'extremes' ? this.#note(name, partition, kind) : kind;
      case 'neighbours':
      case 'related':
        return shared?.edgeId === Number(of) ? undefined : kind;
      case 'ids':
      case 'state':
      case 'records':
        return objectTypes.has(name.slice(kind.length + 1)) ? undefined : kind;
      default:
        return undefined;
    }
  }

  #note(name: string, partition: number, kind: 'holders' | 'values'): undefined {
    const [, of = ''] = name.split(':', 2);
    const target = name.slice(kind.length + of.length + 2);
    const targets = this.sets[partition]![kind];
    const known = targets.get(Number(of));
    if (known) known.add(target);
    else targets.set(Number(of), new Set([target]));
    return undefined;
  }

  /** It may be gone by now: a sweep has come by, or a build was broken off. */
  async #found(partition: number, kind: string, key: string): Promise<void> {
    const { redis } = this.#context;
    if ((await redis.exists(key)) === 0) return;
    const fault = { partition, of: kind, told: key, isExtra: true } as const;
    // Tombstones outlive their type; a record of no type is nobody's to remove.
    if (kind === 'records') {
      if (await hasRecords(redis, key)) this.faults.push({ ...fault, place: 'records' });
    } else {
      const mend = { verb: 'UNLINK', key, arguments: [], guards: [] } as const;
      this.faults.push({ ...fault, place: 'sets', mend });
    }
  }

  async #judgeCount(
    partition: number,
    keys: PartitionKeys,
    field: string,
    count: string,
  ): Promise<void> {
    const { redis, catalog } = this.#context;
    const stored = catalog.predicateIds.get(Number(field));
    const isNamed = stored && String(Number(field)) === field;
    if (isNamed && !(stored.shared && count !== '0')) return;
    if ((await redis.hget(keys.counts, field)) !== count) return;
    const fault = {
      place: 'counts',
      partition,
      of: 'counts',
      told: `${field}=${count}`,
      isExtra: true,
    } as const;
    const guards = [{ key: keys.counts, field, value: count }];
    const write = isNamed
      ? ({ verb: 'HSET', arguments: [field, '0'] } as const)
      : ({ verb: 'HDEL', arguments: [field] } as const);
    this.faults.push({ ...fault, mend: { ...write, key: keys.counts, guards } });
  }
}

function predicateIdIn(name: string): string {
  return name.split(':', 2)[1] ?? '';
}

async function hasRecords(redis: Redis, key: string): Promise<boolean> {
  let cursor = '0';
  do {
    const [next, reply] = await redis.hscan(key, cursor, 'COUNT', SCAN_COUNT);
    for (let at = 1; at < reply.length; at += 2) if (existsIn(reply[at]!)) return true;
    cursor = next;
  } while (cursor !== '0');
  return false;
}
