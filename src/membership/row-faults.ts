/**
 * row-faults.ts – Looks at all rows of records: is each one listed, remembered and due exactly as
 * its record says?
 *
 * Keeps true: all that is kept of one record is read at one instant, between two commits; what
 * looks wrong is looked at again when the catalog is known to be as new as what was read, and is a
 * fault only if it is wrong both times. Members and truths are compared by audit.ts: here it is
 * whether a row may be there at all, and say what it says.
 */
import type { Redis } from 'ioredis';
import type { Catalog } from '../catalog/catalog.ts';
import type { ObjectType } from '../change/object-type.ts';
import {
  exists,
  filterableData,
  isLive,
  type RecordRow,
  TOMBSTONE_TTL_MS,
  unpackRecord,
} from '../change/record.ts';
import { PredicateNetwork } from '../query/network/network.ts';
import { readsClock } from '../query/predicate/statement.ts';
import { type PartitionKeys, readRecordMember, recordMember } from '../redis/keys.ts';
import { packState, unpackState } from '../redis/rows/state-row.ts';
import { carriedOut } from '../redis/transaction.ts';
import { weighFields } from '../redis/weigh.ts';
import { type Fault, type FaultPlace, type Mend, readRow, UNREADABLE_MARK } from './fault.ts';
import { type PredicateIds, predicateIds } from './predicate-ids.ts';
import type { StateRow } from './state-row.ts';

export interface RowFaultContext {
  readonly redis: Redis;
  readonly partitions: readonly PartitionKeys[];
  /** Follows what is stored; `refresh` brings it to what is. */
  readonly catalog: Catalog;
  readonly refresh: () => Promise<unknown>;
  readonly timeZone: string;
  readonly onVisited?: (records: number) => void;
}

export interface RowFaults {
  readonly faults: readonly Fault[];
  /**
   * Rows that still hold predicate ids which were given up: they go with the next write of the row.
   */
  readonly leftOver: number;
}

const CHUNK = 500;
/**
 * A timer that is scored so is looked at by whoever takes the partition over next, and set as the
 * record says.
 */
const LONG_DUE_MS = 1;
/** How late a record may be fired before somebody should know. */
const OVERDUE_MS = 60_000;

/** One record's rows at one instant; null: there is none. */
interface Seen {
  readonly id: string;
  readonly listed: string | null;
  readonly record: string | null;
  readonly state: string | null;
  readonly due: string | null;
  readonly tombstone: string | null;
}

interface Place {
  readonly partition: number;
  readonly keys: PartitionKeys;
  readonly objectType: string;
}

export async function findRowFaults(context: RowFaultContext): Promise<RowFaults> {
  const walk = new Walk(context);
  for (const [partition, keys] of context.partitions.entries())
    await walk.partition(partition, keys);
  const suspects = walk.take();
  await context.refresh();
  for (const { place, ids } of suspects) await walk.examine(place, ids);
  walk.judgeMembers();
  return { faults: walk.faults, leftOver: walk.leftOver };
}

class Walk {
  readonly #context: RowFaultContext;
  readonly #suspects = new Map<string, { place: Place; ids: Set<string> }>();
  /** Entries of no type or no record, as far as the catalog was known. */
  readonly #members: Fault[] = [];
  #faults: Fault[] = [];
  #leftOver = 0;
  #timed: { version: number; networks: Map<string, PredicateNetwork> } | undefined;

  constructor(context: RowFaultContext) {
    this.#context = context;
  }

  get faults(): readonly Fault[] {
    return this.#faults;
  }

  get leftOver(): number {
    return this.#leftOver;
  }

  /** What looked wrong so far; what is examined from now on counts anew. */
  take(): { place: Place; ids: string[] }[] {
    const suspects = [...this.#suspects.values()].map(({ place, ids }) => ({
      place,
      ids: [...ids],
    }));
    this.#faults = [];
    return suspects;
  }

  async partition(partition: number, keys: PartitionKeys): Promise<void> {
    const { redis, catalog } = this.#context;
    for (const objectType of catalog.objectTypes.keys()) {
      const place = { partition, keys, objectType };
      await chunks(
        (cursor) => redis.hscan(keys.records(objectType), cursor, 'COUNT', CHUNK),
        async (reply) => {
          await this.examine(place, evens(reply));
          this.#context.onVisited?.(reply.length / 2);
        },
      );
      const strays = async (reply: string[]) =>
        this.examine(place, await this.#without(place, evens(reply)));
      await chunks((cursor) => redis.zscan(keys.ids(objectType), cursor, 'COUNT', CHUNK), strays);
      await chunks((cursor) => redis.hscan(keys.state(objectType), cursor, 'COUNT', CHUNK), strays);
    }
    for (const [key, place] of [
      [keys.due, 'timers'],
      [keys.tombstones, 'tombstones'],
    ] as const) {
      const look = (reply: string[]) =>
        this.#lookAtMembers(partition, keys, key, place, evens(reply));
      await chunks((cursor) => redis.zscan(key, cursor, 'COUNT', CHUNK), look);
    }
  }

  /** Those that have no row in `records`: all others are come by along that. */
  async #without({ keys, objectType }: Place, ids: readonly string[]): Promise<string[]> {
    const lengths = await weighFields(this.#context.redis, keys.records(objectType), ids);
    return ids.filter((_, at) => lengths[at] === 0);
  }

  /** Entries of `due` and of the tombstones, whose records may not be there, nor their types. */
  async #lookAtMembers(
    partition: number,
    keys: PartitionKeys,
    key: string,
    place: FaultPlace,
    members: readonly string[],
  ): Promise<void> {
    const byType = new Map<string, string[]>();
    for (const member of members) {
      const { objectType, id } = readRecordMember(member);
      if (this.#isMeant(member, place))
        byType.set(objectType, [...(byType.get(objectType) ?? []), id]);
      else
        this.#members.push({
          partition,
          of: objectType,
          place,
          told: member,
          isExtra: true,
          mend: removal(key, member),
        });
    }
    for (const [objectType, ids] of byType) {
      const at = { partition, keys, objectType };
      await this.examine(at, await this.#without(at, ids));
    }
  }

  /** Whether it names a record of a type that there is; tombstones outlive their type. */
  #isMeant(member: string, place: FaultPlace): boolean {
    const { objectType, id } = readRecordMember(member);
    if (recordMember(objectType, id) !== member) return false;
    return place !== 'timers' || this.#context.catalog.objectTypes.has(objectType);
  }

  /** Caller: the catalog is as new as what was read. */
  judgeMembers(): void {
    this.#faults.push(...this.#members.filter(({ told, place }) => !this.#isMeant(told, place)));
  }

  /** Looks at all that is kept of some records of one type. */
  async examine(place: Place, ids: readonly string[]): Promise<void> {
    for (let from = 0; from < ids.length; from += CHUNK) {
      const seen = await this.#read(place, ids.slice(from, from + CHUNK));
      for (const one of seen)
        for (const fault of this.#judge(place, one)) this.#suspect(place, one.id, fault);
    }
  }

  async #read({ keys, objectType }: Place, ids: readonly string[]): Promise<Seen[]> {
    const members = ids.map((id) => recordMember(objectType, id));
    const transaction = this.#context.redis
      .multi()
      .zmscore(keys.ids(objectType), ...ids)
      .hmget(keys.records(objectType), ...ids)
      .hmget(keys.state(objectType), ...ids)
      .zmscore(keys.due, ...members)
      .zmscore(keys.tombstones, ...members);
    const [listed, records, states, dues, tombstones] = (await carriedOut(transaction)) as (
      | string
      | null
    )[][];
    return ids.map((id, at) => ({
      id,
      listed: listed![at] ?? null,
      record: records![at] ?? null,
      state: states![at] ?? null,
      due: dues![at] ?? null,
      tombstone: tombstones![at] ?? null,
    }));
  }

  *#judge(place: Place, seen: Seen): Iterable<Found> {
    const record = recordOf(seen.record);
    if (record === 'unreadable') {
      yield { place: 'records', told: `${seen.id}${UNREADABLE_MARK}`, isExtra: true };
      return;
    }
    const { keys, objectType } = place;
    const guard = { key: keys.records(objectType), field: seen.id, value: seen.record };
    yield* judgeListing(place, seen, exists(record), guard);
    yield* judgeTombstone(place, seen, record, guard);
    yield* this.#judgeState(place, seen, record, guard);
    yield* this.#judgeTimer(place, seen, record, guard);
  }

  *#judgeState(
    place: Place,
    { id, state: packed }: Seen,
    record: RecordRow | undefined,
    guard: Guarded,
  ): Iterable<Found> {
    if (packed === null) return;
    const { keys, objectType } = place;
    const key = keys.state(objectType);
    const guards = [guard, { key, field: id, value: packed }];
    const removed = { verb: 'HDEL', key, arguments: [id], guards } as const;
    const state = stateOf(packed);
    if (state === undefined) {
      yield { place: 'state', told: `${id}(unreadable)`, isExtra: true, mend: removed };
      return;
    }
    const { kept, alien, given } = this.#sorted(state.truth, objectType);
    const saysSomething = kept.length > 0 || state.due !== undefined || record === undefined;
    if (!isLive(record) && (saysSomething || alien.length > 0)) {
      yield {
        place: 'state',
        told: `${id}(${record ? 'not live' : 'no record'})`,
        isExtra: true,
        mend: removed,
      };
    } else if (alien.length > 0) {
      const left = packState({ truth: predicateIds(kept), due: state.due }, () => true);
      const mend =
        left === undefined
          ? removed
          : ({ verb: 'HSET', key, arguments: [id, left], guards } as const);
      yield { place: 'state', told: `${id}(${alien.join()})`, isExtra: true, mend };
    } else if (given.length > 0) this.#leftOver++;
  }

  *#judgeTimer(
    place: Place,
    seen: Seen,
    record: RecordRow | undefined,
    guard: Guarded,
  ): Iterable<Found> {
    const { keys, objectType } = place;
    const member = recordMember(objectType, seen.id);
    const guards = [guard];
    const due = seen.due === null ? undefined : Number(seen.due);
    if (!isLive(record)) {
      const mend = { verb: 'ZREM', key: keys.due, arguments: [member], guards } as const;
      if (due !== undefined) yield { place: 'timers', told: seen.id, isExtra: true, mend };
      return;
    }
    if (this.#isDueRight(objectType, record, stateOf(seen.state)?.due, due)) return;
    const mend = { verb: 'ZADD', key: keys.due, arguments: [LONG_DUE_MS, member], guards } as const;
    yield { place: 'timers', told: seen.id, isExtra: due !== undefined, mend };
  }

  /**
   * As its row says, never later than the clock flips something, and not long ago. Earlier is well:
   * it is then looked at again.
   */
  #isDueRight(
    objectType: string,
    record: RecordRow,
    noted: number | undefined,
    due: number | undefined,
  ): boolean {
    const type = this.#context.catalog.objectTypes.get(objectType);
    if (!type) return due === undefined && noted === undefined;
    const nowMs = Date.now();
    const flips = this.#nextFlip(type, record, nowMs);
    if (noted !== due || (flips !== undefined && (due === undefined || due > flips))) return false;
    return due === undefined || due > nowMs - OVERDUE_MS;
  }

  #nextFlip(type: ObjectType, record: RecordRow, nowMs: number): number | undefined {
    const network = this.#timedNetworks().get(type.name);
    return network?.nextFlip(filterableData(record, type, this.#context.timeZone), nowMs);
  }

  /** What moves with time and is built, per type. Made anew for each version of the catalog. */
  #timedNetworks(): Map<string, PredicateNetwork> {
    const { catalog } = this.#context;
    if (this.#timed?.version === catalog.version) return this.#timed.networks;
    const networks = new Map<string, PredicateNetwork>();
    for (const [predicateId, { object_type: name, predicate, status }] of catalog.predicateIds) {
      if (status !== 'ready' || !readsClock(predicate)) continue;
      const network = networks.get(name) ?? new PredicateNetwork();
      network.add(predicateId, predicate);
      networks.set(name, network);
    }
    this.#timed = { version: catalog.version, networks };
    return networks;
  }

  /**
   * Those that there are, those that nobody has given out for this type, and those that were given
   * up.
   */
  #sorted(
    truth: PredicateIds,
    objectType: string,
  ): { kept: number[]; alien: number[]; given: number[] } {
    const { catalog } = this.#context;
    const sorted = { kept: [] as number[], alien: [] as number[], given: [] as number[] };
    for (const predicateId of truth) {
      const stored = catalog.predicateIds.get(predicateId);
      if (stored?.object_type === objectType) sorted.kept.push(predicateId);
      else if (stored || predicateId >= catalog.nextPredicateId) sorted.alien.push(predicateId);
      else sorted.given.push(predicateId);
    }
    return sorted;
  }

  #suspect(place: Place, id: string, found: Found): void {
    const key = `${place.partition}:${place.objectType}`;
    const known = this.#suspects.get(key);
    if (known) known.ids.add(id);
    else this.#suspects.set(key, { place, ids: new Set([id]) });
    this.#faults.push({ ...found, partition: place.partition, of: place.objectType });
  }
}

type Found = Pick<Fault, 'place' | 'told' | 'isExtra' | 'mend'>;
type Guarded = Mend['guards'][number];

function* judgeListing(
  { keys, objectType }: Place,
  { id, listed }: Seen,
  isThere: boolean,
  guard: Guarded,
): Iterable<Found> {
  const [key, guards] = [keys.ids(objectType), [guard]];
  const listing = { verb: 'ZADD', key, arguments: [0, id], guards } as const;
  if (isThere && listed === null) yield { place: 'ids', told: id, isExtra: false, mend: listing };
  else if (isThere && Number(listed) !== 0)
    yield { place: 'ids', told: `${id}(score=${listed})`, isExtra: true, mend: listing };
  else if (!isThere && listed !== null)
    yield {
      place: 'ids',
      told: id,
      isExtra: true,
      mend: { verb: 'ZREM', key, arguments: [id], guards },
    };
}

function* judgeTombstone(
  { keys, objectType }: Place,
  { id, tombstone }: Seen,
  record: RecordRow | undefined,
  guard: Guarded,
): Iterable<Found> {
  const expected = record?.deletedAt === undefined ? null : record.deletedAt + TOMBSTONE_TTL_MS;
  if (expected === (tombstone === null ? null : Number(tombstone))) return;
  const [key, member, guards] = [keys.tombstones, recordMember(objectType, id), [guard]];
  const mend =
    expected === null
      ? ({ verb: 'ZREM', key, arguments: [member], guards } as const)
      : ({ verb: 'ZADD', key, arguments: [expected, member], guards } as const);
  yield { place: 'tombstones', told: id, isExtra: tombstone !== null, mend };
}

function removal(key: string, member: string): Mend {
  return { verb: 'ZREM', key, arguments: [member], guards: [] };
}

function recordOf(packed: string | null): RecordRow | undefined | 'unreadable' {
  return readRow(() => (packed === null ? undefined : unpackRecord(packed)), 'unreadable');
}

/** Undefined: nobody can read it. */
function stateOf(packed: string | null): StateRow | undefined {
  return readRow(() => unpackState(packed), undefined);
}

async function chunks(
  read: (cursor: string) => Promise<[string, string[]]>,
  look: (reply: string[]) => Promise<void>,
): Promise<void> {
  let cursor = '0';
  do {
    const [next, reply] = await read(cursor);
    if (reply.length > 0) await look(reply);
    cursor = next;
  } while (cursor !== '0');
}

/** The fields of a reply of HSCAN, or the members of one of ZSCAN. */
function evens(reply: readonly string[]): string[] {
  return reply.filter((_, at) => at % 2 === 0);
}
