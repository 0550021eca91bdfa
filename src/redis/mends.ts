/**
 * mends.ts – Writes that repair the findings of an audit, each with the rows it was decided by.
 *
 * Keeps true: a write is carried out only while its guards hold (mend-partition.lua), in one step:
 * the owner of the partition goes on meanwhile.
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Mend } from '../membership/audit-store.ts';
import { sendScript } from './scripts.ts';

/** A field of a hash, and its value (null: none), or the block that it does not name as a head. */
type Guard = { readonly key: string; readonly field: string } & (
  | { readonly value: string | null }
  | { readonly unnamed: string }
);

interface RowWrite {
  readonly verb: 'HSET' | 'HDEL' | 'ZADD' | 'ZREM' | 'UNLINK';
  readonly key: string;
  readonly arguments: readonly (string | number)[];
}

/** One command, others that go with it, and what they were decided by. */
export interface GuardedWrite extends RowWrite {
  readonly more?: readonly RowWrite[];
  readonly guards: readonly Guard[];
  /** The `meta` of the partition, where readers know what is written by its commit. */
  readonly renews?: string;
}

/** The mend that carries out a write. */
export function mendOf(redis: Redis, write: GuardedWrite): Mend {
  return {
    carryOut: () => {
      const { keys, arguments: given } = mendArguments(write);
      return sendScript(redis, 'mendPartition', keys, given);
    },
  };
}

/** Removes a key, whatever it holds. */
export function removalOf(redis: Redis, key: string, renews?: string): Mend {
  const write = { verb: 'UNLINK', key, arguments: [], guards: [] } as const;
  return mendOf(redis, renews === undefined ? write : { ...write, renews });
}

/** KEYS and ARGV of the script that mends. */
export function mendArguments({ more = [], guards, renews, ...first }: GuardedWrite): {
  keys: string[];
  arguments: (string | number)[];
} {
  const writes = [first, ...more];
  const renewed = renews === undefined ? [] : [renews];
  const keys = [...new Set([...[...writes, ...guards].map(({ key }) => key), ...renewed])];
  const index = (name: string) => keys.indexOf(name) + 1;
  const checks = guards.flatMap(({ key: hash, field, ...so }) => [
    index(hash),
    field,
    ...('unnamed' in so ? ['unnamed', so.unnamed] : isOrAbsent(so.value)),
  ]);
  const commands = writes.flatMap(({ verb, key, arguments: given }) => [
    verb,
    index(key),
    given.length,
    ...given,
  ]);
  const header = [guards.length, renews === undefined ? 0 : index(renews), randomUUID()];
  return { keys, arguments: [...header, ...checks, ...commands] };
}

function isOrAbsent(value: string | null): [string, string] {
  return value === null ? ['absent', ''] : ['is', value];
}
