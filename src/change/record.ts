/**
 * record.ts – A record as it is kept: its values, its counters, and the result of applying one
 * change to it.
 *
 * Keeps true: `version` counts the revisions of a record, also across its deletion while a
 * tombstone remembers it. `sourceVersion` never falls. An archived record stays archived until it
 * is restored. Nothing is edited in place.
 */
import { assert, unreachable } from '../errors.ts';
import type { Change, Outcome } from './change.ts';
import type { ObjectType } from './object-type.ts';
import { isMet, type Precondition, type TaggedRevision } from './precondition.ts';
import { fitValue } from './value.ts';

/**
 * A record's values by attribute name, declared or not; a missing value is an absent member, never
 * null.
 */
export type RecordData = Readonly<Record<string, unknown>>;

/**
 * Times are milliseconds since 1970. A record with `deletedAt` is a tombstone: for readers it does
 * not exist.
 */
export interface RecordRow {
  readonly data: RecordData;
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly sourceVersion?: number | undefined;
  readonly archivedAt?: number | undefined;
  readonly deletedAt?: number | undefined;
  /**
   * Tells it from another of the same id that was created and deleted in the same millisecond:
   * undefined where there can be none.
   */
  readonly life?: number | undefined;
  /**
   * The values are known to be in normal form for this revision of the type; 0: they must be looked
   * at.
   */
  readonly fits: number;
}

interface StoredRecord {
  v: number;
  c: number;
  u: number;
  s?: number;
  a?: number;
  x?: number;
  l?: number;
  r: number;
  d: RecordData;
}

/** The hash field `records:<type>` / id. */
export function packRecord(record: RecordRow): string {
  const {
    version: v,
    createdAt: c,
    updatedAt: u,
    sourceVersion: s,
    archivedAt: a,
    deletedAt: x,
    life: l,
    fits: r,
    data: d,
  } = record;
  return JSON.stringify({ v, c, u, s, a, x, l, r, d });
}

/** @throws Error if something else was written there. */
export function unpackRecord(stored: string): RecordRow {
  const { v, c, u, s, a, x, l, r, d } = JSON.parse(stored) as StoredRecord;
  assert(typeof d === 'object' && d !== null, 'a row of a record holds its values');
  return {
    data: d,
    version: v,
    createdAt: c,
    updatedAt: u,
    fits: r,
    ...(s === undefined ? {} : { sourceVersion: s }),
    ...(a === undefined ? {} : { archivedAt: a }),
    ...(x === undefined ? {} : { deletedAt: x }),
    ...(l === undefined ? {} : { life: l }),
  };
}

/** What a writer names a record by that wants it to be as it has seen it. */
export function recordTag({ createdAt, life, version }: RecordRow): TaggedRevision {
  const born = createdAt.toString(36);
  return [life === undefined ? born : `${born}.${life.toString(36)}`, version];
}

/** How long a deleted record's source version is remembered. */
export const TOMBSTONE_TTL_MS = 7 * 24 * 3600 * 1000;

/** Whether there is a record for those who read: not a tombstone. */
export function exists(record: RecordRow | undefined): record is RecordRow {
  return record !== undefined && record.deletedAt === undefined;
}

/** Whether segments may hold the record: it exists and is not archived. */
export function isLive(record: RecordRow | undefined): record is RecordRow {
  return exists(record) && record.archivedAt === undefined;
}

/**
 * The values that filters see: in normal form for the type as declared now; what does not fit reads
 * as missing.
 */
export function filterableData(record: RecordRow, type: ObjectType, timeZone: string): RecordData {
  if (record.fits === type.revision) return record.data;
  const seen: Record<string, unknown> = {};
  for (const [name, attribute] of type.attributes) {
    const value = record.data[name];
    if (value === undefined) continue;
    const fitted = fitValue(attribute, value, timeZone);
    if (fitted !== undefined) seen[name] = fitted;
  }
  return seen;
}

/**
 * The record as it is read: values that fit are in normal form, whatever they were when they came;
 * others stay as they are.
 */
export function asDeclared(record: RecordRow, type: ObjectType, timeZone: string): RecordRow {
  const fitted = filterableData(record, type, timeZone);
  return fitted === record.data ? record : { ...record, data: { ...record.data, ...fitted } };
}

export interface Applied {
  readonly outcome: Outcome;
  /** The very row that was given when nothing is to be written. */
  readonly record: RecordRow | undefined;
  /** The attributes that may have changed; undefined: any. */
  readonly names?: readonly string[];
}

/**
 * What a change is applied with: the batch's clock, and how far the values of the change are known
 * to fit.
 */
export interface Applying {
  readonly nowMs: number;
  readonly type: ObjectType;
  readonly timeZone: string;
  /** The catalog version at which the change was checked. */
  readonly checkedAt: number;
  /** What a record that is created gets as its `life`. */
  readonly life?: number | undefined;
}

/**
 * Caller: changes of one record come in their order. The result depends on nothing but the
 * arguments.
 */
export function applyChange(
  record: RecordRow | undefined,
  change: Change,
  applying: Applying,
): Applied {
  if (change.precondition) {
    const refused = refusal(record, change, change.precondition);
    if (refused) return { outcome: refused, record };
  }
  if (isStale(record, change)) return { outcome: 'stale', record };
  switch (change.op) {
    case 'put':
      return put(record, change, applying);
    case 'patch':
      return exists(record) ? patch(record, change, applying) : { outcome: 'unknown', record };
    case 'archive':
      return exists(record)
        ? setArchived(record, change, record.archivedAt ?? applying.nowMs, applying)
        : { outcome: 'unknown', record };
    case 'restore':
      return exists(record)
        ? setArchived(record, change, undefined, applying)
        : { outcome: 'unknown', record };
    case 'delete':
      return remove(record, change, applying);
    default:
      return unreachable(change.op);
  }
}

/** Only what would be carried out without it has a precondition to fail. */
function refusal(
  record: RecordRow | undefined,
  { op }: Change,
  precondition: Precondition,
): Outcome | undefined {
  const current = exists(record) ? recordTag(record) : undefined;
  if (!current && op !== 'put') return op === 'delete' ? 'absent' : 'unknown';
  return isMet(precondition, current) ? undefined : 'precondition_failed';
}

function isStale(record: RecordRow | undefined, change: Change): boolean {
  if (change.source_version === undefined || record?.sourceVersion === undefined) return false;
  return change.source_version <= record.sourceVersion;
}

function put(record: RecordRow | undefined, change: Change, applying: Applying): Applied {
  const { nowMs, life } = applying;
  const data = change.data ?? {};
  const fits = fitsOf(data, applying);
  const version = (record?.version ?? 0) + 1;
  const sourceVersion = sourceVersionAfter(record, change);
  if (exists(record)) {
    if (sameData(record.data, data) && record.fits === fits) return noted(record, change);
    return { outcome: 'updated', record: revised(record, change, nowMs, data, fits) };
  }
  const created: RecordRow = {
    data,
    version,
    createdAt: nowMs,
    updatedAt: nowMs,
    fits,
    sourceVersion,
    archivedAt: undefined,
    deletedAt: undefined,
    life,
  };
  return { outcome: 'created', record: created };
}

function patch(record: RecordRow, change: Change, applying: Applying): Applied {
  const given = change.data ?? {};
  const names: string[] = [];
  for (const name in given)
    if (!sameValue(record.data[name], given[name] ?? undefined)) names.push(name);
  if (names.length === 0) return noted(record, change);
  const data: Record<string, unknown> = { ...record.data };
  for (const name of names) {
    if (given[name] === null) delete data[name];
    else data[name] = given[name];
  }
  const wasFitting = record.fits === applying.type.revision;
  const fits =
    wasFitting && applying.checkedAt >= applying.type.revision
      ? record.fits
      : fitsOf(data, { ...applying, checkedAt: 0 });
  return {
    outcome: 'updated',
    record: revised(record, change, applying.nowMs, data, fits),
    names,
  };
}

function setArchived(
  record: RecordRow,
  change: Change,
  archivedAt: number | undefined,
  { nowMs }: Applying,
): Applied {
  if (record.archivedAt === archivedAt) return noted(record, change);
  const { data, fits } = record;
  return {
    outcome: 'updated',
    record: { ...revised(record, change, nowMs, data, fits), archivedAt },
  };
}

/** Without a number from the source nothing can come late: no tombstone is needed. */
function remove(record: RecordRow | undefined, change: Change, { nowMs }: Applying): Applied {
  const sourceVersion = sourceVersionAfter(record, change);
  const outcome = exists(record) ? 'deleted' : 'absent';
  if (sourceVersion === undefined) return { outcome, record: exists(record) ? undefined : record };
  const tombstone: RecordRow = {
    data: {},
    version: (record?.version ?? 0) + 1,
    createdAt: record?.createdAt ?? nowMs,
    updatedAt: nowMs,
    fits: 0,
    sourceVersion,
    archivedAt: undefined,
    deletedAt: nowMs,
    life: record?.life,
  };
  return { outcome, record: tombstone };
}

/** Nothing changes but the number that the source gave. */
function noted(record: RecordRow, change: Change): Applied {
  if (change.source_version === undefined) return { outcome: 'unchanged', record, names: [] };
  return {
    outcome: 'unchanged',
    record: { ...record, sourceVersion: change.source_version },
    names: [],
  };
}

/** Member by member, in the order of `put`: rows of one shape are quick to make and to read. */
function revised(
  { version, createdAt, sourceVersion, archivedAt, deletedAt, life }: RecordRow,
  change: Change,
  nowMs: number,
  data: RecordData,
  fits: number,
): RecordRow {
  return {
    data,
    version: version + 1,
    createdAt,
    updatedAt: nowMs,
    fits,
    sourceVersion: change.source_version ?? sourceVersion,
    archivedAt,
    deletedAt,
    life,
  };
}

function sourceVersionAfter(record: RecordRow | undefined, change: Change): number | undefined {
  return change.source_version ?? record?.sourceVersion;
}

function fitsOf(data: RecordData, { type, timeZone, checkedAt }: Applying): number {
  if (checkedAt >= type.revision) return type.revision;
  for (const [name, attribute] of type.attributes) {
    const value = data[name];
    if (value !== undefined && !Object.is(fitValue(attribute, value, timeZone), value)) return 0;
  }
  return type.revision;
}

function sameData(a: RecordData, b: RecordData): boolean {
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => Object.hasOwn(b, name) && sameValue(a[name], b[name]));
}

/**
 * Lists and objects are new references after each parse; those that are written alike are the same
 * value.
 */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  return JSON.stringify(a) === JSON.stringify(b);
}
