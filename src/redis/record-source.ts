/**
 * record-source.ts – Reads records for previews: whole partitions in pieces, and what was written
 * since a commit.
 *
 * Keeps true: what preview/record-source.ts promises. A piece holds Redis for a fraction of a
 * millisecond: its length follows the weight of the rows. A walk along a hash is broken off if the
 * connection was lost under it: a server that begins anew knows no cursor of before.
 */
import type { Redis } from 'ioredis';
import type { CommitMark } from '../membership/partition-status.ts';
import type {
  PartitionRecords,
  RecordChanges,
  RecordPiece,
  RecordSource,
} from '../preview/record-source.ts';
import { openConnection } from './connection.ts';
import { Keys, type PartitionKeys } from './keys.ts';
import { META_FIELDS } from './partition-meta.ts';
import { CHANGED_RING } from './rows/changed.ts';
import { runScript } from './scripts.ts';
import { carriedOut } from './transaction.ts';

const PIECE_ROWS_FIRST = 32;
const PIECE_ROWS_MAX = 512;
const PIECE_BYTES = 256 * 1024;
/** A script copies each row: 4 µs of Redis, where a plain read takes 0.2. */
const CHANGED_ROWS_MAX = 64;

interface SourceOptions {
  readonly url: string;
  readonly prefix: string;
  readonly partitions: number;
}

/** On a connection of its own. */
export async function openRecordSource(options: SourceOptions): Promise<RecordSource> {
  const { url, prefix, partitions } = options;
  const redis = openConnection({ url });
  try {
    await redis.connect();
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  return new RedisRecordSource(redis, new Keys(prefix, partitions).partitions);
}

class RedisRecordSource implements RecordSource {
  readonly #redis: Redis;
  readonly #keys: readonly PartitionKeys[];
  /** How often the connection was lost. */
  #losses = 0;

  constructor(redis: Redis, keys: readonly PartitionKeys[]) {
    this.#redis = redis;
    this.#keys = keys;
    redis.on('close', () => this.#losses++);
  }

  get partitions(): number {
    return this.#keys.length;
  }

  sizes(objectTypes: readonly string[]): Promise<number[]> {
    const sizeOf = async (keys: PartitionKeys) => {
      const sizes = objectTypes.map((name) => this.#redis.hlen(keys.records(name)));
      return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    };
    return Promise.all(this.#keys.map(sizeOf));
  }

  async changes(
    partition: number,
    since: CommitMark | undefined,
    objectTypes: readonly string[],
  ): Promise<RecordChanges> {
    const keys = this.#keys[partition]!;
    const given = {
      sinceNumber: since?.number ?? '',
      sinceNonce: since?.nonce ?? '',
      ring: CHANGED_RING,
      rowsMax: CHANGED_ROWS_MAX,
    };
    const records = objectTypes.map((name) => keys.records(name));
    const more = { keys: records, arguments: objectTypes };
    const answer = await runScript(this.#redis, 'readChanged', keys, given, more);
    const { number, nonce, since: isKnown, whole, changed } = answer;
    const commit = { number, nonce };
    if (isKnown === 'unknown') return { commit, written: undefined };
    return { commit, written: whole === 1 ? writtenIn(changed) : { many: namedIn(changed) } };
  }

  async *pieces(partition: number, objectType: string): AsyncGenerator<RecordPiece> {
    const key = this.#keys[partition]!.records(objectType);
    const losses = this.#losses;
    const read = (cursor: string, rows: number) =>
      this.#redis.hscanBuffer(key, cursor, 'COUNT', rows);
    let ahead: ReturnType<typeof read> | undefined = read('0', PIECE_ROWS_FIRST);
    while (ahead) {
      const [next, flat]: [Buffer, Buffer[]] = await ahead;
      if (this.#losses !== losses) throw new Error('Connection is closed.');
      const piece = pieceOf(flat);
      const cursor = next.toString();
      ahead = cursor === '0' ? undefined : read(cursor, lengthAfter(piece));
      ahead?.catch(() => {}); // it is waited for in its turn, if the walk goes on
      yield piece;
    }
  }

  async whole(partition: number, objectTypes: readonly string[]): Promise<PartitionRecords> {
    const keys = this.#keys[partition]!;
    const { number, nonce } = META_FIELDS;
    const transaction = this.#redis.multi().hmget(keys.meta, number.name, nonce.name);
    for (const name of objectTypes) {
      const key = keys.records(name);
      transaction.hkeysBuffer(key);
      transaction.hvalsBuffer(key);
    }
    const answers = await carriedOut(transaction);
    const [numbered, named] = answers.shift() as (string | null)[];
    const commit = { number: Number(numbered ?? 0), nonce: named ?? '' };
    const types = objectTypes.map((): RecordPiece => {
      const ids = answers.shift() as Buffer[];
      return { ids, rows: answers.shift() as Buffer[] };
    });
    return { commit, types };
  }

  async rows(
    partition: number,
    objectType: string,
    ids: readonly string[],
  ): Promise<(Buffer | null)[]> {
    if (ids.length === 0) return [];
    return this.#redis.hmgetBuffer(this.#keys[partition]!.records(objectType), ...ids);
  }

  close(): void {
    this.#redis.disconnect();
  }
}

/** Fields and values in turn. */
function pieceOf(flat: readonly Buffer[]): RecordPiece {
  const ids: Buffer[] = [];
  const rows: Buffer[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) {
    ids.push(flat[at]!);
    rows.push(flat[at + 1]!);
  }
  return { ids, rows };
}

function lengthAfter({ rows }: RecordPiece): number {
  let bytes = 1;
  for (const row of rows) bytes += row.length;
  const rowsOfPiece = Math.floor((PIECE_BYTES * (rows.length + 1)) / bytes);
  return Math.min(Math.max(rowsOfPiece, 1), PIECE_ROWS_MAX);
}

function namedIn(flat: readonly (string | number)[]) {
  const named: { typeAt: number; id: string }[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2)
    named.push({ typeAt: Number(flat[at]) - 1, id: flat[at + 1] as string });
  return named;
}

function writtenIn(flat: readonly (string | number)[]) {
  const written: { typeAt: number; id: string; row: Buffer | null }[] = [];
  for (let at = 0; at + 2 < flat.length; at += 3) {
    const row = flat[at + 2] as string;
    const typeAt = Number(flat[at]) - 1;
    written.push({ typeAt, id: flat[at + 1] as string, row: row === '' ? null : Buffer.from(row) });
  }
  return written;
}
