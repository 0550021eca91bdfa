/**
 * fault.ts – One thing that a partition keeps and that its records do not bear out, or that the
 * catalog keeps twice, and how it is made good.
 *
 * Keeps true: a mend says what it was decided by; where that is not so any more nothing is written,
 * for the owner of the partition goes on meanwhile. What follows from predicates has no mend here:
 * it is built anew.
 */
import { exists, unpackRecord } from '../change/record.ts';

/** What kind of row, set or field it is. */
export type FaultPlace =
  | 'ids'
  | 'timers'
  | 'tombstones'
  | 'state'
  | 'counts'
  | 'records'
  | 'sets'
  | 'slugs'
  | 'kinds'
  | 'unknown';

/** Behind what nobody can read, where it is told. */
export const UNREADABLE_MARK = '(unreadable)';

/** A field of a hash, and what it held (null: nothing). */
interface Guard {
  readonly key: string;
  readonly field: string;
  readonly value: string | null;
}

export interface Mend {
  readonly verb: 'HSET' | 'HDEL' | 'ZADD' | 'ZREM' | 'UNLINK';
  readonly key: string;
  readonly arguments: readonly (string | number)[];
  readonly guards: readonly Guard[];
}

export interface Fault {
  readonly place: FaultPlace;
  /** Undefined: the catalog keeps it. */
  readonly partition?: number;
  /** The object type, or what kind of key it is. */
  readonly of: string;
  /** The id, the field or the name of the key, and what is wrong with it. */
  readonly told: string;
  /** Whether it is there without being borne out; else it is missing. */
  readonly isExtra: boolean;
  /** Undefined: it is built anew, or nobody can make it good. */
  readonly mend?: Mend;
}

/** KEYS and ARGV of the script that mends. */
export function mendArguments({ verb, key, arguments: given, guards }: Mend): {
  keys: string[];
  arguments: (string | number)[];
} {
  const keys = [...new Set([key, ...guards.map((guard) => guard.key)])];
  const index = (name: string) => keys.indexOf(name) + 1;
  const checks = guards.flatMap(({ key: hash, field, value }) => [
    index(hash),
    field,
    value === null ? 'absent' : 'is',
    value ?? '',
  ]);
  return { keys, arguments: [guards.length, ...checks, verb, index(key), ...given] };
}

/** What a row says; a row that nobody can read says `unreadable`. */
export function readRow<T, U>(read: () => T, unreadable: U): T | U {
  try {
    return read();
  } catch {
    return unreadable;
  }
}

/** Whether a row of records is no tombstone; one that nobody can read may be a record. */
export function existsIn(row: string): boolean {
  return readRow(() => exists(unpackRecord(row)), true);
}
