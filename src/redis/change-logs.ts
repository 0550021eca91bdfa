/**
 * change-logs.ts – The logs of all partitions as writers see them: appends, and the outcomes of
 * what was applied.
 *
 * Keeps true: the promises of the port (engine/change-logs.ts). In the hash `delivered` a source is
 * one field: epoch, sequence, last entry, and when it last sent something.
 */

import type { Redis } from 'ioredis';
import { unpackOutcomes } from '../change/change.ts';
import { STREAM_START } from '../change/entry-order.ts';
import type {
  AppendAnswer,
  ChangeLogs,
  LogAppend,
  OutcomeListener,
} from '../engine/change-logs.ts';
import { isWrongKind } from './failures.ts';
import { isSourcePartition, type Keys, type PartitionKeys } from './keys.ts';
import { mendOf } from './mends.ts';
import { packLogEntry } from './rows/stream-entry.ts';
import { runScript } from './scripts.ts';
import type { StreamEntry, StreamTail } from './stream-tail.ts';

export class RedisChangeLogs implements ChangeLogs {
  readonly partitions: number;
  readonly #redis: Redis;
  readonly #keys: readonly PartitionKeys[];
  readonly #tail: StreamTail;

  constructor(redis: Redis, keys: Keys, tail: StreamTail) {
    this.#redis = redis;
    this.#keys = keys.partitions;
    this.#tail = tail;
    this.partitions = keys.partitions.length;
  }

  append(partition: number, append: LogAppend): Promise<AppendAnswer> {
    const { log: stream, delivered } = this.#keys[partition]!;
    const { source, epoch, sequence, entriesMax, entry } = append;
    // 0: a writer knows no loss that a base would make good.
    const given = { source, epoch, base: 0, sequence, entriesMax, nowMs: Date.now() };
    const more = { arguments: packLogEntry(entry) };
    return runScript(this.#redis, 'deliverEntry', { stream, delivered }, given, more);
  }

  async listen(listener: OutcomeListener): Promise<void> {
    for (const { outcomes } of this.#keys) {
      const last = await this.#lastOf(outcomes);
      this.#tail.follow(outcomes, last, (entries) => tell(listener, entries));
    }
  }

  /** Where another program has put something else, a stream begins with the next outcome. */
  async #lastOf(stream: string): Promise<string> {
    try {
      const [last] = await this.#redis.xrevrange(stream, '+', '-', 'COUNT', 1);
      return last?.[0] ?? STREAM_START;
    } catch (error) {
      if (isWrongKind(error)) return STREAM_START;
      throw error;
    }
  }

  async forget(source: string): Promise<void> {
    await Promise.all(this.#keys.map(({ delivered }) => this.#redis.hdel(delivered, source)));
  }

  /** Partitions are sources too, of messages: they live as long as the deployment. */
  async forgetQuiet(sinceMs: number): Promise<void> {
    for (const { delivered } of this.#keys) {
      const sources = Object.entries(await this.#redis.hgetall(delivered));
      const quiet = sources.filter(
        ([source, row]) => !isSourcePartition(source) && lastHeardMs(row) < sinceMs,
      );
      for (const [source, row] of quiet) await this.#forgetIf(delivered, source, row);
    }
  }

  /** Unless it has delivered something meanwhile. */
  #forgetIf(key: string, source: string, row: string): Promise<unknown> {
    const guards = [{ key, field: source, value: row }];
    return mendOf(this.#redis, { verb: 'HDEL', key, arguments: [source], guards }).carryOut();
  }
}

function lastHeardMs(row: string): number {
  return Number(row.split(' ')[3] ?? 0);
}

/** Fields are reply names, and values `from total letters`, as a commit writes them. */
function tell(listener: OutcomeListener, entries: readonly StreamEntry[]): void {
  for (const [, fields] of entries) {
    for (let at = 0; at + 1 < fields.length; at += 2) {
      const replyTo = fields[at]!;
      if (!listener.isWaitedFor(replyTo)) continue;
      const [from, total, letters = ''] = fields[at + 1]!.split(' ');
      const outcomes = unpackOutcomes(letters);
      listener.onOutcomes(replyTo, { from: Number(from), total: Number(total), outcomes });
    }
  }
}
