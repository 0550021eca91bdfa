/**
 * row-faults.ts – Finds records that are not listed, remembered and due exactly as their own rows
 * say.
 *
 * Keeps true: all that is kept of one record is read at one instant, between two commits. What
 * looks wrong is looked at again once the catalog is as new as what was read. It is a fault only if
 * it is wrong both times. Members and truths are compared by audit.ts; here only whether a row may
 * be there at all, with the content that it has.
 */
import type { Catalog } from '../catalog/catalog.ts';
import { exists, isLive, type RecordRow, TOMBSTONE_TTL_MS } from '../change/record.ts';
import { pushTo } from '../multimap.ts';
import { type PredicateIds, predicateIds } from '../query/network/predicate-ids.ts';
import { breathe } from '../time-slice.ts';
import type { AuditRest } from './audit-pace.ts';
import type { KeptRecord, RecordEntry, RowAudits, StrayBlock } from './audit-store.ts';
import { type StoredFault, UNREADABLE_MARK } from './fault.ts';
import { NextFlips } from './next-flips.ts';
import type { StateRow } from './state-row.ts';

export interface RowFaultContext {
  readonly rows: RowAudits;
  readonly partitions: readonly number[];
  /** Follows what is stored; `refresh` brings it to what is. */
  readonly catalog: Catalog;
  readonly refresh: () => Promise<unknown>;
  readonly timeZone: string;
  /** Gives way to others in this process; `breathe` of time-slice.ts if absent. */
  readonly rest?: AuditRest;
}

export interface RowFaults {
  readonly faults: readonly StoredFault[];
  /** Rows that still hold predicates which were given up: they go with their next write. */
  readonly leftOver: number;
}

/** Read, and worked off, in a few milliseconds. */
const CHUNK = 250;
/**
 * A timer with this value is looked at by the next owner of the partition, and set as the record
 * requires.
 */
const LONG_DUE_MS = 1;
/** How late a record may be fired before an operator should know. */
const OVERDUE_MS = 60_000;
const ENTRIES = ['timers', 'tombstones'] as const;

/** The records of one type in one partition. */
interface RowScope {
  readonly partition: number;
  readonly objectType: string;
}

type Found = Pick<StoredFault, 'place' | 'text' | 'isExtra' | 'mend'>;

/** An entry that names no record, as far as the catalog was known. */
interface StrayEntry {
  readonly place: (typeof ENTRIES)[number];
  readonly partition: number;
  readonly entry: RecordEntry;
}

export async function findRowFaults(context: RowFaultContext): Promise<RowFaults> {
  const judged = new JudgedRows(context);
  for (const partition of context.partitions) await judged.walk(partition);
  const suspects = judged.takeSuspects();
  await context.refresh();
  for (const { scope, ids } of suspects) await judged.examine(scope, ids);
  judged.judgeStrayEntries();
  await judged.judgeStrayBlocks();
  return judged;
}

class JudgedRows implements RowFaults {
  faults: StoredFault[] = [];
  leftOver = 0;
  readonly #context: RowFaultContext;
  readonly #rest: AuditRest;
  readonly #nextFlips: NextFlips;
  readonly #suspects = new Map<string, { scope: RowScope; ids: Set<string> }>();
  readonly #strayEntries: StrayEntry[] = [];
  readonly #strayBlocks: (RowScope & { readonly block: StrayBlock })[] = [];

  constructor(context: RowFaultContext) {
    this.#context = context;
    this.#rest = context.rest ?? breathe;
    this.#nextFlips = new NextFlips(context.catalog, context.timeZone);
  }

  /** What looked wrong so far; what is examined from now on counts separately. */
  takeSuspects(): { scope: RowScope; ids: string[] }[] {
    this.faults = [];
    return [...this.#suspects.values()].map(({ scope, ids }) => ({ scope, ids: [...ids] }));
  }

  async walk(partition: number): Promise<void> {
    const { rows, catalog } = this.#context;
    for (const objectType of catalog.objectTypes.keys()) {
      const scope = { partition, objectType };
      for await (const ids of rows.storedIds(partition, objectType)) await this.examine(scope, ids);
      for await (const ids of rows.strayIds(partition, objectType)) await this.examine(scope, ids);
      for await (const blocks of rows.strayBlocks(partition, objectType))
        for (const block of blocks) this.#strayBlocks.push({ ...scope, block });
    }
    for (const place of ENTRIES) {
      for await (const entries of rows.entries(partition, place))
        await this.#examineEntries(partition, place, entries);
    }
  }

  /** Entries whose records may not be there, nor their types. */
  async #examineEntries(
    partition: number,
    place: StrayEntry['place'],
    entries: readonly RecordEntry[],
  ): Promise<void> {
    const idsByType = new Map<string, string[]>();
    for (const entry of entries) {
      if (!this.#isMeant(place, entry)) this.#strayEntries.push({ place, partition, entry });
      else pushTo(idsByType, entry.objectType, entry.id);
    }
    for (const [objectType, ids] of idsByType) {
      const without = await this.#context.rows.withoutRecord(partition, objectType, ids);
      await this.examine({ partition, objectType }, without);
    }
  }

  /** Whether it names a record of a type that there is; tombstones outlive their type. */
  #isMeant(place: StrayEntry['place'], { isWellFormed, objectType }: RecordEntry): boolean {
    const isTyped = place !== 'timers' || this.#context.catalog.objectTypes.has(objectType);
    return isWellFormed && isTyped;
  }

  /** Caller: the catalog is as new as what was read. */
  judgeStrayEntries(): void {
    for (const { place, partition, entry } of this.#strayEntries) {
      if (this.#isMeant(place, entry)) continue;
      const { objectType: of, text, removal: mend } = entry;
      this.faults.push({ partition, of, place, text, isExtra: true, mend });
    }
  }

  /** One that a commit has written or removed meanwhile is none. */
  async judgeStrayBlocks(): Promise<void> {
    for (const { partition, objectType: of, block } of this.#strayBlocks) {
      const { text, removal: mend } = block;
      if (await block.isStill())
        this.faults.push({ partition, of, place: 'state', text, isExtra: true, mend });
    }
  }

  /** Looks at all that is kept of some records. */
  async examine(scope: RowScope, ids: readonly string[]): Promise<void> {
    const { partition, objectType } = scope;
    for (let from = 0; from < ids.length; from += CHUNK) {
      const some = ids.slice(from, from + CHUNK);
      for (const kept of await this.#context.rows.kept(partition, objectType, some)) {
        const rest = this.#rest();
        if (rest) await rest;
        for (const found of this.#judge(objectType, kept)) this.#suspect(scope, kept.id, found);
      }
    }
  }

  *#judge(objectType: string, kept: KeptRecord): Iterable<Found> {
    const { record } = kept;
    if (record === 'unreadable') {
      yield { place: 'records', text: `${kept.id}${UNREADABLE_MARK}`, isExtra: true };
      return;
    }
    yield* judgeListing(kept, exists(record));
    yield* judgeTombstone(kept, record);
    yield* this.#judgeState(objectType, kept, record);
    yield* this.#judgeTimer(objectType, kept, record);
  }

  *#judgeState(
    objectType: string,
    kept: KeptRecord,
    record: RecordRow | undefined,
  ): Iterable<Found> {
    const { id, state } = kept;
    if (state === undefined) return;
    const extra = (why: string, left?: StateRow): Found => ({
      place: 'state',
      text: `${id}(${why})`,
      isExtra: true,
      mend: kept.mend({ state: left }),
    });
    if (state === 'unreadable') {
      yield extra('unreadable');
      return;
    }
    const { known, alien, givenUp } = this.#sorted(state.truth, objectType);
    const saysSomething = known.length > 0 || state.due !== undefined || record === undefined;
    if (!isLive(record) && (saysSomething || alien.length > 0))
      yield extra(record ? 'not live' : 'no record');
    else if (alien.length > 0)
      yield extra(alien.join(), { truth: predicateIds(known), due: state.due });
    else if (givenUp.length > 0) this.leftOver++;
  }

  *#judgeTimer(
    objectType: string,
    kept: KeptRecord,
    record: RecordRow | undefined,
  ): Iterable<Found> {
    const { id, dueMs, state } = kept;
    if (!isLive(record)) {
      const mend = kept.mend({ dueMs: undefined });
      if (dueMs !== undefined) yield { place: 'timers', text: id, isExtra: true, mend };
      return;
    }
    const noted = state === 'unreadable' ? undefined : state?.due;
    if (this.#isDueRight(objectType, record, noted, dueMs)) return;
    const mend = kept.mend({ dueMs: LONG_DUE_MS });
    yield { place: 'timers', text: id, isExtra: dueMs !== undefined, mend };
  }

  /**
   * As its row says, never later than the clock flips something, and not long ago. Earlier is well:
   * the record is then looked at again.
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
    const flips = this.#nextFlips.of(type, record, nowMs);
    if (noted !== due || (flips !== undefined && (due === undefined || due > flips))) return false;
    return due === undefined || due > nowMs - OVERDUE_MS;
  }

  /**
   * The predicate ids of a state row: those of its type, those that were never given out for it,
   * and others.
   */
  #sorted(
    truth: PredicateIds,
    objectType: string,
  ): { known: number[]; alien: number[]; givenUp: number[] } {
    const { catalog } = this.#context;
    const [known, alien, givenUp]: [number[], number[], number[]] = [[], [], []];
    for (const predicateId of truth) {
      const stored = catalog.predicateIds.get(predicateId);
      if (stored?.object_type === objectType) known.push(predicateId);
      else if (stored || predicateId >= catalog.nextPredicateId) alien.push(predicateId);
      else givenUp.push(predicateId);
    }
    return { known, alien, givenUp };
  }

  #suspect(scope: RowScope, id: string, found: Found): void {
    const { partition, objectType } = scope;
    const key = `${partition}:${objectType}`;
    const suspects = this.#suspects.get(key);
    if (suspects) suspects.ids.add(id);
    else this.#suspects.set(key, { scope, ids: new Set([id]) });
    this.faults.push({ ...found, partition, of: objectType });
  }
}

function* judgeListing(kept: KeptRecord, isThere: boolean): Iterable<Found> {
  const { id, listed } = kept;
  const place = 'ids';
  if (!isThere) {
    const mend = kept.mend({ isListed: false });
    if (listed !== undefined) yield { place, text: id, isExtra: true, mend };
    return;
  }
  const mend = kept.mend({ isListed: true });
  if (listed === undefined) yield { place, text: id, isExtra: false, mend };
  else if (Number(listed) !== 0)
    yield { place, text: `${id}(score=${listed})`, isExtra: true, mend };
}

function* judgeTombstone(kept: KeptRecord, record: RecordRow | undefined): Iterable<Found> {
  const { id, tombstoneMs } = kept;
  const deletedMs = record?.deletedAt;
  const expected = deletedMs === undefined ? undefined : deletedMs + TOMBSTONE_TTL_MS;
  if (expected === tombstoneMs) return;
  const mend = kept.mend({ tombstoneMs: expected });
  yield { place: 'tombstones', text: id, isExtra: tombstoneMs !== undefined, mend };
}
