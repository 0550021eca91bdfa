/**
 * scan.ts – Walks along hashes, sets, sorted sets and the key space, piece by piece.
 *
 * Keeps true: what stays all the while is met, some of it twice. No reply is larger than a bounded
 * number of entries, so that no other client waits for long.
 */
import type { Redis } from 'ioredis';

const COUNT = 500;

/** One reply after the other; empty ones are left out. */
async function* replies(
  read: (cursor: string) => Promise<[cursor: string, reply: string[]]>,
): AsyncGenerator<string[]> {
  let cursor = '0';
  do {
    const [next, reply] = await read(cursor);
    if (reply.length > 0) yield reply;
    cursor = next;
  } while (cursor !== '0');
}

/** Fields and values of a hash, in turn. */
export function scanHash(redis: Redis, key: string): AsyncGenerator<string[]> {
  return replies((cursor) => redis.hscan(key, cursor, 'COUNT', COUNT));
}

/** The fields of a hash. */
export async function* scanFields(redis: Redis, key: string): AsyncGenerator<string[]> {
  for await (const reply of scanHash(redis, key)) yield evens(reply);
}

/** The members of a sorted set. */
export async function* scanSorted(redis: Redis, key: string): AsyncGenerator<string[]> {
  const read = (cursor: string) => redis.zscan(key, cursor, 'COUNT', COUNT);
  for await (const reply of replies(read)) yield evens(reply);
}

/** The members of a set. */
export function scanSet(redis: Redis, key: string): AsyncGenerator<string[]> {
  return replies((cursor) => redis.sscan(key, cursor, 'COUNT', COUNT));
}

/** The names of keys that match a pattern. */
export function scanKeys(redis: Redis, match: string): AsyncGenerator<string[]> {
  return replies((cursor) => redis.scan(cursor, 'MATCH', match, 'COUNT', COUNT));
}

function evens(reply: readonly string[]): string[] {
  return reply.filter((_, at) => at % 2 === 0);
}
