/**
 * batch.ts – One turn's input to a partition: changes from its log, a chunk of a backfill, expired
 * tombstones.
 *
 * Keeps true: a batch is plain data, in the order in which it is applied. A position in the log
 * names the last entry applied as a whole and how many changes of the next one were. So a commit
 * may end within a packed entry.
 */

import { type Change, OPERATIONS } from '../change/change.ts';
import { STREAM_START } from '../change/entry-order.ts';
import { isObject } from '../change/object-type.ts';
import { addTo } from '../multimap.ts';
import type { Failure } from '../query/failure.ts';
import type { InboxEntry } from './message.ts';
import type { RecordsOfType, StoredLogEntry } from './partition-store.ts';
import type { ResyncChunk } from './resyncs.ts';
import type { Step } from './step.ts';

/**
 * Where a partition stands in a log: all up to entry `entry`, and the first `offset` changes of the
 * entry after it.
 */
export interface LogPosition {
  readonly entry: string;
  readonly offset: number;
}

export const LOG_START: LogPosition = { entry: STREAM_START, offset: 0 };

/** One entry of a log: changes that were delivered together. */
export interface LogEntry {
  readonly id: string;
  /** The catalog version at which the changes were checked. */
  readonly checkedAt: number;
  /** The name under which a writer waits for the outcomes; undefined: none waits. */
  readonly replyTo?: string;
  readonly changes: readonly Change[];
  /** Why the entry could not be read; it goes to the dead letters as a whole. */
  readonly malformed?: string;
  readonly payload: string;
}

/** Live records of one type, of which some predicates are evaluated for the first time. */
export interface BackfillChunk {
  readonly objectType: string;
  readonly predicateIds: readonly number[];
  readonly ids: readonly string[];
}

/**
 * Local holders of a target that has shown something new: what they see of it is evaluated again.
 */
export interface FanoutChunk {
  readonly edgeId: number;
  readonly ids: readonly string[];
}

/**
 * All local holders of a target, as they were stored before the batch; there are few of them. If
 * the batch brings news of the target they are evaluated in the very step that takes it in.
 */
export interface FewHolders {
  readonly edgeId: number;
  readonly target: string;
  readonly ids: readonly string[];
}

/**
 * A change of the log (`index` in its entry), or an entry of the inbox, that made the step fail
 * again and again.
 */
interface Poison {
  readonly entry: string;
  readonly index: number;
  readonly detail: string;
  readonly isMessage?: boolean;
}

/** A piece of work other than an entry that is given up. */
interface Aside {
  readonly detail: string;
  /** Which piece, as JSON. */
  readonly letter: string;
  /** A record that is not evaluated when it is due: what time makes of it is unknown. */
  readonly timer?: RecordKey;
  /** Predicates that are unknown without it, and why. */
  readonly failures?: ReadonlyMap<number, Failure>;
  /** A partition of which what is known here is not right from now on. */
  readonly broken?: number;
}

export interface Batch {
  readonly entries: readonly LogEntry[];
  /** Messages of partitions; they come before the changes. */
  readonly inbox?: readonly InboxEntry[];
  /** Of targets of which the inbox may bring news. Holders of all others become fan-outs. */
  readonly few?: readonly FewHolders[];
  readonly fanouts?: readonly FanoutChunk[];
  readonly resync?: ResyncChunk;
  /**
   * Where the partition stood before: the entries come right after it, and its offset counts into
   * the first of them.
   */
  readonly position: LogPosition;
  /** EFFECTS_MAX (step.ts) if absent. */
  readonly effectsMax?: number;
  /** After a failure changes are applied one by one, so that the one at fault is found. */
  readonly changesMax?: number;
  /** It goes to the dead letters. */
  readonly poison?: Poison;
  readonly aside?: Aside;
  readonly backfills: readonly BackfillChunk[];
  readonly expired: readonly RecordKey[];
  /** Records that time may have moved. */
  readonly due?: readonly RecordKey[];
  /** Records that have timers, and whose types have none any more. */
  readonly untimed?: readonly RecordKey[];
  /** Records that a run of the feed visits (partition-feed.ts). */
  readonly told?: RecordsOfType;
}

export interface RecordKey {
  readonly objectType: string;
  readonly id: string;
}

/** The records that a batch touches, each once. */
export function touchedRecords(batch: Batch): Map<string, Set<string>> {
  const { entries, position, changesMax, backfills, expired, due = [], untimed = [] } = batch;
  const { timer } = batch.aside ?? {};
  const touched = new Map<string, Set<string>>();
  entries.forEach(({ changes }, at) => {
    const from = at === 0 ? position.offset : 0;
    const applied = changes.slice(from, changesMax === undefined ? undefined : from + changesMax);
    for (const { object_type: objectType, id } of applied) touch(touched, objectType, id);
  });
  for (const { objectType, ids } of backfills) for (const id of ids) touch(touched, objectType, id);
  for (const { objectType, id } of expired) touch(touched, objectType, id);
  for (const { objectType, id } of due) touch(touched, objectType, id);
  for (const { objectType, id } of untimed) touch(touched, objectType, id);
  for (const id of batch.told?.ids ?? []) touch(touched, batch.told!.objectType, id);
  if (timer) touch(touched, timer.objectType, timer.id);
  return touched;
}

/** How many records a slice of background work has looked at: its cost follows from them. */
export function visited(
  { expired, untimed = [], resync }: Batch,
  { backfilled, fired, fanned, told }: Pick<Step, 'backfilled' | 'fired' | 'fanned' | 'told'>,
): number {
  let count = backfilled + fired + fanned + told.length + expired.length + untimed.length;
  for (const resend of resync?.resends ?? [])
    count += 'values' in resend ? resend.values.length : resend.targets.length;
  for (const sweep of resync?.sweeps ?? [])
    count += 'values' in sweep ? sweep.values.length : sweep.targets.length;
  return count;
}

/** Adds a record to those that are touched. */
export function touch(touched: Map<string, Set<string>>, objectType: string, id: string): void {
  addTo(touched, objectType, id);
}

/** Parses an entry as the store holds it. Never throws: what can't be read is `malformed`. */
export function readLogEntry({ id, checkedAt, replyTo, payload }: StoredLogEntry): LogEntry {
  const entry = { id, checkedAt, payload, ...(replyTo === undefined ? {} : { replyTo }) };
  try {
    const changes: unknown = JSON.parse(payload);
    if (!Array.isArray(changes) || !changes.every(isChange))
      return { ...entry, changes: [], malformed: 'not a list of changes' };
    return { ...entry, changes };
  } catch (error) {
    return { ...entry, changes: [], malformed: (error as Error).message };
  }
}

/** The least that the step relies on; the values were checked before they were delivered. */
function isChange(given: unknown): given is Change {
  if (!isObject(given)) return false;
  const { op, object_type: objectType, id, data } = given;
  const takesData = op === 'put' || op === 'patch';
  return (
    OPERATIONS.includes(op as Change['op']) &&
    typeof objectType === 'string' &&
    typeof id === 'string' &&
    (takesData ? isObject(data) : data === undefined)
  );
}
