/**
 * tombstones.ts – Forgets deleted records when their tombstones expire.
 *
 * Keeps true: a tombstone is listed as long as it is stored, with the moment at which it runs out.
 * It is forgotten in a batch like any other, so that a newer change of the record wins.
 */
import type { CommitDraft } from './commit-draft.ts';
import type { CoreLimits } from './core-limits.ts';
import type { BatchDraft, Participant, Turn } from './participant.ts';
import type { CommitWrites } from './partition-store.ts';
import { type Asking, ask } from './requests.ts';
import type { Step } from './step.ts';

export class Tombstones implements Participant {
  readonly #limits: CoreLimits;
  #nextMs = 0;

  constructor(limits: CoreLimits) {
    this.#limits = limits;
  }

  hasWork({ nowMs }: Turn): boolean {
    return nowMs >= this.#nextMs;
  }

  nextMs(): number {
    return this.#nextMs;
  }

  *work(batch: BatchDraft, { nowMs, recordsMax }: Turn): Asking<boolean> {
    const { expiredTombstonesMax, tombstonesEveryMs } = this.#limits;
    const most = Math.min(recordsMax, expiredTombstonesMax);
    batch.expired = yield* ask({ kind: 'expired-tombstones', untilMs: nowMs, most });
    if (batch.expired.length < most) this.#nextMs = nowMs + tombstonesEveryMs;
    return batch.expired.length > 0;
  }

  plan(writes: CommitDraft, { records }: Step): void {
    let tombstones: CommitWrites['tombstones'][number][] | undefined;
    for (const { objectType, id, before, after } of records) {
      const is = after.record?.deletedAt;
      if (before.record?.deletedAt === is) continue;
      const expiresMs = is === undefined ? undefined : is + this.#limits.tombstoneTtlMs;
      tombstones ??= [];
      tombstones.push({ objectType, id, expiresMs });
    }
    if (tombstones) writes.tombstones = tombstones;
  }
}
