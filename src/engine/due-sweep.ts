/**
 * due-sweep.ts – Removes, piece by piece, the timers of types of which no predicate moves with time
 * any more.
 *
 * Keeps true: `meta` lists each type that may have entries in `due`: added by the first commit at a
 * catalog version in which the type has timers, removed by the commit after which it has none. A
 * new owner resumes from that list.
 */
import type { Redis } from 'ioredis';
import type { CommitCommands } from '../redis/commit-commands.ts';
import { type PartitionKeys, readRecordMember } from '../redis/keys.ts';
import type { RecordKey } from './batch.ts';
import type { TypeContext } from './step.ts';

/** Entries of `due` that one batch looks at. */
const SWEPT_ENTRIES_MAX = 200;

const FIELD = 'timed:';

/** Reads a field of the partition's meta; undefined: it is another's. */
export function readTimedType(field: string): string | undefined {
  return field.startsWith(FIELD) ? field.slice(FIELD.length) : undefined;
}

type Types = ReadonlyMap<string, Pick<TypeContext, 'network'>>;

interface DueRequest {
  /** Types that have no timers any more. */
  readonly types: readonly string[];
  readonly cursor: string;
}

/** The records whose timers the next commit removes. */
export interface DueChunk extends DueRequest {
  readonly records: readonly RecordKey[];
}

export interface DueProgress {
  readonly version: number;
  /** Types that may have timers from now on. */
  readonly noted: readonly string[];
  readonly chunk: DueChunk | undefined;
  /** Types that have none left. */
  readonly done: readonly string[];
}

export class DueSweep {
  readonly #timed: Set<string>;
  #version: number | undefined;
  /**
   * how far the pass has come that is for these types; for others it begins anew, and after a
   * take-over too.
   */
  #pass: { readonly types: string; readonly cursor: string } | undefined;

  constructor(timed: Iterable<string>) {
    this.#timed = new Set(timed);
  }

  next(types: Types): DueRequest | undefined {
    if (this.#timed.size === 0) return undefined;
    const given = [...this.#timed].filter((name) => !types.get(name)?.network.hasTimers);
    if (given.length === 0) return undefined;
    return { types: given, cursor: this.#pass?.types === given.join() ? this.#pass.cursor : '0' };
  }

  /**
   * Caller: in the same turn of the event loop as the step over these types, which are those of
   * `version`.
   */
  progress(types: Types, version: number, chunk: DueChunk | undefined): DueProgress {
    // A type may have got timers since the chunk was read: its entries are not to be forgotten.
    const isGiven = (name: string) => !types.get(name)?.network.hasTimers;
    const done = chunk?.cursor === '0' ? chunk.types.filter(isGiven) : [];
    if (version === this.#version) return { version, noted: [], chunk, done };
    const timed = [...types].filter(([, { network }]) => network.hasTimers).map(([name]) => name);
    return { version, noted: timed.filter((name) => !this.#timed.has(name)), chunk, done };
  }

  /** The commit took place. */
  committed({ version, noted, chunk, done }: DueProgress): void {
    this.#version = version;
    for (const name of noted) this.#timed.add(name);
    for (const name of done) this.#timed.delete(name);
    if (chunk) this.#pass = { types: chunk.types.join(), cursor: chunk.cursor };
  }

  addTo(commands: CommitCommands, { noted, done }: DueProgress, keys: PartitionKeys): void {
    const fields = noted.flatMap((name) => [`${FIELD}${name}`, '1']);
    commands.add('HSET', keys.meta, fields);
    commands.add(
      'HDEL',
      keys.meta,
      done.map((name) => `${FIELD}${name}`),
    );
  }
}

/**
 * Reads the next entries. Those that stay while a pass runs are met by it, whatever goes in
 * between.
 */
export async function readDueChunk(
  redis: Redis,
  keys: PartitionKeys,
  request: DueRequest | undefined,
  entriesMax = SWEPT_ENTRIES_MAX,
): Promise<DueChunk | undefined> {
  if (!request) return undefined;
  const [cursor, flat] = await redis.zscan(keys.due, request.cursor, 'COUNT', entriesMax);
  const records = flat.filter((_, at) => at % 2 === 0).map(readRecordMember);
  return {
    ...request,
    cursor,
    records: records.filter(({ objectType }) => request.types.includes(objectType)),
  };
}
