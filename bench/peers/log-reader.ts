/**
 * log-reader.ts – A reader of partitioned logs that knows no segments: what any consumer of the
 * same streams has to do.
 *
 * Keeps true: it reads the streams by the same blocking read as our processors, takes batches of
 * the same size, one at a time in each partition and all partitions side by side; `write` is done
 * with a batch before the next one of its partition.
 */
import type { Change } from '../../src/change/change.ts';
import { readLogEntry } from '../../src/engine/batch.ts';
import { readLogEntry as readStoredLogEntry } from '../../src/redis/rows/stream-entry.ts';
import type { StreamEntry, StreamTail } from '../../src/redis/stream-tail.ts';

/** As in the processor: a batch ends at the entry that passes this. */
const BATCH_CHANGES_MAX = 500;

export type WriteBatch = (
  partition: number,
  changes: readonly Change[],
  position: string,
) => Promise<void>;

export class LogReader {
  /** Changes that were written. */
  written = 0;
  readonly #write: WriteBatch;

  constructor(tail: StreamTail, logs: readonly string[], write: WriteBatch) {
    this.#write = write;
    logs.forEach((log, partition) => {
      const queue: StreamEntry[] = [];
      let isWorking = false;
      tail.follow(log, '0-0', (entries) => {
        for (const entry of entries) queue.push(entry);
        if (isWorking) return;
        isWorking = true;
        void this.#work(partition, queue).finally(() => {
          isWorking = false;
        });
      });
    });
  }

  /** Bounded by the queue. */
  async #work(partition: number, queue: StreamEntry[]): Promise<void> {
    while (queue.length > 0) {
      const changes: Change[] = [];
      let position = '';
      while (queue.length > 0 && changes.length <= BATCH_CHANGES_MAX) {
        const [id, fields] = queue.shift()!;
        const entry = readLogEntry(readStoredLogEntry([id, fields]));
        for (const change of entry.changes) changes.push(change);
        position = id;
      }
      await this.#write(partition, changes, position);
      this.written += changes.length;
    }
  }
}
