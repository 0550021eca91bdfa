/**
 * dead-letters.ts – What could not be applied: listed, looked at, tried again, discarded.
 *
 * Keeps true: a change that is tried again takes the way of every change, from the check on, and is
 * applied once. What came from another partition, or is work of a partition, is not applied from
 * its letter: what was lost with it is sent again, or built anew from the records. A letter goes
 * when that has begun; a retry that fails again leaves a letter of its own.
 */
import type { Edit } from '../catalog/edit.ts';
import type { Rebuilds } from '../catalog/rebuilding.ts';
import type { Outcome } from '../change/change.ts';
import { compareEntries } from '../change/entry-order.ts';
import { partitionOf } from '../change/partition.ts';
import { Problem, unreachable } from '../errors.ts';
import type {
  DeadLetterStore,
  KeptDeadLetter,
  LetterBound,
  LetterHead,
  LetterKind,
  LetterNumbers,
  LetterPlace,
} from './dead-letter-store.ts';
import { type ChangeDelivery, LOG_ENTRIES_MAX } from './delivery.ts';
import { type Ingest, within } from './ingest.ts';
import type { LostState } from './lost-state.ts';

/** Partition, then the id in its stream. */
const LETTER_ID = /^(\d{1,4})-(\d{1,15}-\d{1,15})$/;
/** Letters of one partition that are read at once. */
const HEADS_A_READ = 32;

/** Where a list goes on: after the letter that lies there. */
export type LetterCursor = readonly [entry: string, partition: number];

export interface RetriedLetter {
  readonly kind: LetterKind;
  /**
   * Of a change what became of it, or `accepted` if that was not known in time. `resending`: the
   * other partition sends its state again; `rebuilding`: the segments that are named are built
   * anew; `settled`: nothing depends on it any more.
   */
  readonly outcome: Outcome | 'accepted' | 'resending' | 'rebuilding' | 'settled';
  readonly segments?: readonly string[];
}

export interface DeadLetterContext {
  readonly letters: DeadLetterStore;
  readonly partitions: number;
  readonly ingest: Ingest;
  readonly delivery: ChangeDelivery;
  readonly rebuilds: Rebuilds;
  readonly lostState: LostState;
}

export class DeadLetters {
  readonly #context: DeadLetterContext;

  constructor(context: DeadLetterContext) {
    this.#context = context;
  }

  /** The newest first, after the cursor. Bounded by what is kept in each partition. */
  async *list(cursor: LetterCursor | undefined, kind?: LetterKind): AsyncGenerator<LetterHead> {
    const { letters, partitions } = this.#context;
    const runs = await Promise.all(
      Array.from({ length: partitions }, (_, partition) =>
        LetterRun.begin(letters, partition, boundOf(cursor, partition)),
      ),
    );
    for (;;) {
      const newest = runs.reduce((best, run) => (comesFirst(run, best) ? run : best));
      const head = await newest.take();
      if (!head) return;
      if (kind === undefined || head.kind === kind) yield head;
    }
  }

  /** @throws Problem dead_letter_unknown */
  async find(id: string): Promise<KeptDeadLetter> {
    const letter = await this.#context.letters.letter(this.#placeOf(id));
    if (!letter) throw unknownLetter(id);
    return letter;
  }

  /** @throws Problem dead_letter_unknown */
  async discard(id: string): Promise<void> {
    const answer = await this.#context.letters.remove(this.#placeOf(id));
    if (answer === 'unknown') throw unknownLetter(id);
  }

  /**
   * Tries one again. It stays where it is if it is refused.
   * @throws Problem dead_letter_unknown | dead_letter_unreadable | what `Ingest.checked` throws
   */
  async retry(id: string, timeoutMs: number, edit: Edit): Promise<RetriedLetter> {
    const letter = await this.find(id);
    switch (letter.kind) {
      case 'change':
        return { kind: 'change', outcome: await this.#retryChange(id, letter, timeoutMs) };
      case 'entry':
        throw unreadable(`nobody can read this entry of a log (${letter.detail})`);
      case 'message':
      case 'work':
        return this.#makeGood(id, letter, edit);
      default:
        return unreachable(letter.kind);
    }
  }

  numbers(): Promise<LetterNumbers> {
    return this.#context.letters.numbers();
  }

  async #retryChange(
    id: string,
    { place, letter }: KeptDeadLetter,
    timeoutMs: number,
  ): Promise<Outcome | 'accepted'> {
    const { letters, ingest, delivery, partitions } = this.#context;
    const { change, checkedAt } = await ingest.checked(JSON.parse(letter));
    if (partitionOf(change.id, partitions) !== place.partition)
      throw unreadable('the record of this change is not of the partition that it lies in');
    const { replyTo, outcomes, forget } = delivery.awaited('letter');
    try {
      const text = JSON.stringify(change);
      const given = { text, checkedAt, replyTo, entriesMax: LOG_ENTRIES_MAX };
      const answer = await letters.retry(place, given);
      if (answer === 'unknown') throw unknownLetter(id);
      if (answer === 'full')
        throw new Problem('overloaded', 'the log is full', [], { retry_after_s: 1 });
      const settled = await within(outcomes, timeoutMs);
      return settled ? (settled[0] ?? 'dead') : 'accepted';
    } finally {
      forget();
    }
  }

  /** Asked for before the letter goes: to ask twice does no harm. */
  async #makeGood(
    id: string,
    { kind, place, lost, failing }: KeptDeadLetter,
    edit: Edit,
  ): Promise<RetriedLetter> {
    const { lostState, rebuilds } = this.#context;
    const isResending = kind === 'message' || lost !== undefined;
    const isAsked = isResending && (await lostState.askFor(place.partition, lost));
    const segments = await rebuilds.failedOver(new Set(failing), edit);
    await this.discard(id);
    if (segments.length > 0) return { kind, outcome: 'rebuilding', segments };
    return { kind, outcome: isAsked ? 'resending' : 'settled' };
  }

  /** @throws Problem dead_letter_unknown */
  #placeOf(id: string): LetterPlace {
    const [, digits = '', entry = ''] = LETTER_ID.exec(id) ?? [];
    const partition = digits === '' ? Number.NaN : Number(digits);
    if (!(partition < this.#context.partitions)) throw unknownLetter(id);
    return { partition, entry };
  }
}

/** The name of a letter: its partition, and where it lies there. */
export function letterId({ partition, entry }: LetterPlace): string {
  return `${partition}-${entry}`;
}

function unknownLetter(id: string): Problem {
  return new Problem(
    'dead_letter_unknown',
    `there is no dead letter '${id}': it was retried or discarded, or gave way`,
  );
}

function unreadable(why: string): Problem {
  return new Problem('dead_letter_unreadable', `${why}: it can only be discarded`);
}

/** Of two letters that came in one instant, that of the higher partition is listed first. */
function boundOf(cursor: LetterCursor | undefined, partition: number): LetterBound | undefined {
  if (!cursor) return undefined;
  const [entry, last] = cursor;
  return { entry, isIncluded: partition < last };
}

function comesFirst({ next: one }: LetterRun, { next: other }: LetterRun): boolean {
  if (!one) return false;
  if (!other) return true;
  const order = compareEntries(one.place.entry, other.place.entry);
  return order > 0 || (order === 0 && one.place.partition > other.place.partition);
}

/** The letters of one partition, the newest first. */
class LetterRun {
  readonly #letters: DeadLetterStore;
  readonly #partition: number;
  #heads: LetterHead[];
  #isWhole: boolean;

  private constructor(letters: DeadLetterStore, partition: number, heads: LetterHead[]) {
    this.#letters = letters;
    this.#partition = partition;
    this.#heads = heads;
    this.#isWhole = heads.length < HEADS_A_READ;
  }

  static async begin(
    letters: DeadLetterStore,
    partition: number,
    bound: LetterBound | undefined,
  ): Promise<LetterRun> {
    const heads = await letters.heads(partition, bound, HEADS_A_READ);
    return new LetterRun(letters, partition, heads);
  }

  get next(): LetterHead | undefined {
    return this.#heads[0];
  }

  async take(): Promise<LetterHead | undefined> {
    const head = this.#heads.shift();
    if (head && this.#heads.length === 0 && !this.#isWhole) {
      const bound = { entry: head.place.entry, isIncluded: false };
      this.#heads = await this.#letters.heads(this.#partition, bound, HEADS_A_READ);
      this.#isWhole = this.#heads.length < HEADS_A_READ;
    }
    return head;
  }
}
