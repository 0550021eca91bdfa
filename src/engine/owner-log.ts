/**
 * owner-log.ts – The reports of a partition's owner to operators: metrics, and lines of the log.
 *
 * Keeps true: what lasts is reported once, when it begins and when it ends.
 */
import type { Logger } from 'pino';
import type { Metrics } from '../metrics.ts';
import { failureReason } from '../query/failure.ts';
import { isFull } from '../redis/failures.ts';
import { pieceName } from './care.ts';
import { CLOCK_SKEW_MAX_MS } from './clock.ts';
import type { PartitionCore } from './partition-core.ts';
import type { PartitionMeta, Renewal } from './partition-store.ts';
import type { Step } from './step.ts';
import type { TurnResult } from './turn-result.ts';

/** A store that refuses at once is asked again 20 times a second, for as long as it is full. */
const COMMITS_A_WARNING = 200;

export class OwnerLog {
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  #isAheadOfTime = false;

  constructor(logger: Logger, metrics: Metrics) {
    this.#logger = logger;
    this.#metrics = metrics;
  }

  acquired(core: PartitionCore, { number, position }: PartitionMeta): void {
    const { lost } = core.participants.channels;
    if (lost.length > 0)
      this.#logger.warn(
        { lost },
        'state was lost on the way to partitions; all is sent to them anew',
      );
    if (core.deaths)
      this.#logger.info(
        { deaths: Object.fromEntries(core.deaths) },
        'the owner before left without a word: what it had in hand is tried piece by piece',
      );
    this.#logger.debug({ number, position }, 'the partition is acquired');
  }

  leaseLost(renewal: Renewal, number: number): void {
    this.#logger.warn({ renewal, number }, 'the lease is lost');
  }

  lost({ why }: Extract<TurnResult, { kind: 'lost' }>): void {
    this.#logger.warn({ answer: why }, 'a commit was refused; the partition is taken anew');
  }

  failed({ error, piece }: Extract<TurnResult, { kind: 'failed' }>): void {
    this.#logger.error({ err: error, piece: piece && pieceName(piece) }, 'the step failed');
  }

  removedForeign(keys: readonly string[]): void {
    this.#logger.error(
      { keys },
      'another program has overwritten keys that no answer about members rests on: they are ' +
        'made anew',
    );
  }

  stopped(error: unknown): void {
    this.#logger.fatal({ err: error }, 'the partition has stopped');
  }

  /** The commit was sent so often before, and was not answered. */
  unanswered(error: unknown, attempt: number): void {
    if (attempt % COMMITS_A_WARNING > 0) return;
    const what = isFull(error)
      ? 'Redis is full: a commit waits until there is room'
      : 'no answer to a commit; it is sent again';
    this.#logger.warn({ err: error }, what);
  }

  committed({ applied, dead, effects, failures }: Step): void {
    this.#metrics.changesApplied.inc(applied);
    this.#metrics.membershipsFlipped.inc(effects);
    this.#metrics.commits.inc();
    if (dead.length > 0) {
      this.#metrics.deadLetters.inc(dead.length);
      this.#logger.error(
        { dead: dead.map(({ entry, index, code, detail }) => ({ entry, index, code, detail })) },
        'changes went to the dead letters',
      );
    }
    for (const [predicateId, failure] of failures)
      this.#logger.error({ predicateId, reason: failureReason(failure) }, 'a segment has failed');
  }

  /**
   * A clock that was believed while it was wrong stays, so that time never runs backwards: an
   * operator should know.
   */
  tellWhetherAhead(aheadMs: number): void {
    const isAhead = aheadMs > CLOCK_SKEW_MAX_MS;
    if (isAhead && !this.#isAheadOfTime)
      this.#logger.error(
        { aheadMs },
        'time stands still here: the partition’s clock is over a minute ahead of Redis',
      );
    if (!isAhead && this.#isAheadOfTime) this.#logger.info('time goes on again here');
    this.#isAheadOfTime = isAhead;
  }
}
