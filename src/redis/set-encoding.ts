/**
 * set-encoding.ts – Up to which size Redis keeps a set of whole-number ids as a list of them.
 *
 * Keeps true: only the private server is set up; of any other it is said what it could be set to.
 */
import { Redis } from 'ioredis';

const SETTING = 'set-max-intset-entries';
/**
 * Redis' own 512 is left by most segments. Up to here a member costs 2 to 4 bytes instead of 48,
 * and SADD, SREM and SISMEMBER take no longer than in a hash table; at 32,768 they take twice as
 * long (bench/README.md).
 */
const INTSET_ENTRIES = 16_384;

/** For a server that is ours. */
export const INTSET_SETTING = { name: SETTING, value: String(INTSET_ENTRIES) };

const ANSWER_MS = 2_000;

/** Says so if a server that is not ours leaves that form early; silent if it does not answer. */
export async function adviseOnSets(url: string, say: (line: string) => void): Promise<void> {
  const redis = new Redis(url, {
    lazyConnect: true,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    connectTimeout: ANSWER_MS,
    commandTimeout: ANSWER_MS,
    retryStrategy: () => null,
  });
  redis.on('error', () => {});
  try {
    await redis.connect();
    const [, found] = (await redis.config('GET', SETTING)) as string[];
    if (found !== undefined && Number(found) < INTSET_ENTRIES) say(adviceOn(found));
  } catch {
    // Its user may not ask, or nothing is there: the start goes on to say which.
  } finally {
    redis.disconnect();
  }
}

function adviceOn(found: string): string {
  return (
    `This Redis keeps sets of whole numbers as lists up to ${found} members. If ids of records ` +
    'are whole numbers, a larger limit makes a membership take 2 to 4 bytes instead of 48: ' +
    `CONFIG SET ${SETTING} ${INTSET_ENTRIES}, and in its configuration file.`
  );
}
