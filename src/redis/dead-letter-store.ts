/**
 * dead-letter-store.ts – Dead letters in Redis: a stream in each partition, with an index of whose
 * they are.
 *
 * Keeps true: the promises of the port (engine/dead-letter-store.ts), each by one script.
 */
import type { Redis } from 'ioredis';
import type {
  DeadLetterStore,
  KeptDeadLetter,
  LetterBound,
  LetterHead,
  LetterNumbers,
  LetterPlace,
  LetterRetry,
} from '../engine/dead-letter-store.ts';
import type { PartitionKeys } from './keys.ts';
import { type KeptLetters, readLetter } from './rows/dead-letter.ts';
import { packLogEntry } from './rows/stream-entry.ts';
import { runScript } from './scripts.ts';

export class RedisDeadLetterStore implements DeadLetterStore {
  readonly #redis: Redis;
  readonly #keys: readonly PartitionKeys[];
  readonly #kept: KeptLetters;

  constructor(redis: Redis, keys: readonly PartitionKeys[], kept: KeptLetters) {
    this.#redis = redis;
    this.#keys = keys;
    this.#kept = kept;
  }

  async heads(
    partition: number,
    bound: LetterBound | undefined,
    most: number,
  ): Promise<LetterHead[]> {
    const before = bound === undefined ? '+' : `${bound.isIncluded ? '' : '('}${bound.entry}`;
    const keys = this.#keys[partition]!;
    const stored = await runScript(this.#redis, 'listLetters', keys, { before, most });
    return stored.map((head) => readLetter(partition, head));
  }

  async letter({ partition, entry }: LetterPlace): Promise<KeptDeadLetter | undefined> {
    const [stored] = await this.#redis.xrange(this.#keys[partition]!.dead, entry, entry);
    if (!stored) return undefined;
    const [id, fields] = stored;
    const letter = fields[fields.indexOf('letter') + 1] ?? '';
    return { ...readLetter(partition, [id, ...fields]), letter };
  }

  remove({ partition, entry: id }: LetterPlace): Promise<'removed' | 'unknown'> {
    return runScript(this.#redis, 'removeLetter', this.#keys[partition]!, { id });
  }

  async retry(
    { partition, entry: id }: LetterPlace,
    { checkedAt, replyTo, text, entriesMax }: LetterRetry,
  ): Promise<'retried' | 'unknown' | 'full'> {
    const keys = this.#keys[partition]!;
    const given = { id, source: replyTo, entriesMax, nowMs: Date.now() };
    const more = { arguments: packLogEntry({ checkedAt, replyTo, payload: `[${text}]` }) };
    const answer = await runScript(this.#redis, 'retryLetter', keys, given, more);
    // Nobody sends this attempt again once it is answered.
    await this.#redis.hdel(keys.delivered, replyTo).catch(() => {});
    return answer;
  }

  async numbers(): Promise<LetterNumbers> {
    const all = await Promise.all(
      this.#keys.map(async ({ dead, deadIndex }) => {
        const [kept, known] = await Promise.all([
          this.#redis.xlen(dead),
          this.#redis.hmget(deadIndex, 'bytes', 'dropped'),
        ]);
        return [kept, ...known.map(Number)];
      }),
    );
    const sum = (of: number) => all.reduce((total, each) => total + each[of]!, 0);
    return { kept: sum(0), bytes: sum(1), dropped: sum(2) };
  }

  async dropOld(): Promise<void> {
    const { letters: lettersMax, bytes: bytesMax, ageMs } = this.#kept;
    for (const keys of this.#keys) {
      const given = { lettersMax, bytesMax, oldestMs: Date.now() - ageMs };
      await runScript(this.#redis, 'dropLetters', keys, given);
    }
  }
}
