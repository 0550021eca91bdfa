/**
 * delivery.ts – Appends checked changes to the logs, each exactly once and in the order in which it
 * was given.
 *
 * Keeps true: a source has at most one entry under way per partition, numbered without gaps. An
 * entry whose answer got lost is resent under the same number. One that is given up on closes the
 * epoch, so that it can't come late and pass for a newer one. The queue of waiting changes is
 * bounded. Changes that wait while an entry is under way travel together in the next one.
 */

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Outcome } from '../change/change.ts';
import { assert, Problem, unreachable } from '../errors.ts';
import { isFull, isUnanswered, redisProblem } from '../redis/failures.ts';
import type { AppendAnswer, ChangeLogs, LogAppend, PartialOutcomes } from './change-logs.ts';

/** An entry is read, parsed and (up to EFFECTS_MAX) committed as one. */
const ENTRY_CHANGES_MAX = 256;
const ENTRY_BYTES_MAX = 256 * 1024;
/** Entries that may wait in one partition's log before writers are asked to slow down. */
export const LOG_ENTRIES_MAX = 20_000;
/** Bytes that may wait in this process for one partition. */
const WAITING_BYTES_MAX = 8 * 1024 * 1024;
/**
 * How long a lost answer is asked after before the writer is answered that the outcome is unknown.
 */
const UNANSWERED_MAX_MS = 3000;
const RETRY_MS = 25;

/**
 * Deliveries that must keep their order: once one of them has failed, those after it are refused,
 * for they may be newer.
 */
export interface DeliveryChain {
  broken?: unknown;
}

/** Some changes of one partition, as JSON texts, and what became of them. */
export interface DeliveryRequest {
  readonly chain?: DeliveryChain;
  readonly partition: number;
  readonly changes: readonly string[];
  /** The catalog version at which they were checked. */
  readonly checkedAt: number;
  readonly wantsOutcomes: boolean;
  /** How long a full log is waited for; 0: the writer is refused at once. */
  readonly patienceMs: number;
}

export interface Delivered {
  /**
   * The entry that holds the changes; '' if it is known to be in the log, but not under which id.
   */
  readonly entry: string;
  /** Settled when the changes are applied; never settles if no outcomes are wanted. */
  readonly outcomes: Promise<readonly Outcome[]>;
}

interface Pending extends DeliveryRequest {
  readonly bytes: number;
  readonly patientUntilMs: number;
  readonly resolve: (delivered: Delivered) => void;
  readonly reject: (error: unknown) => void;
}

/** How long a source may deliver nothing before its sequences are forgotten. */
const QUIET_MS = 7 * 24 * 3600 * 1000;

/** One process's way into all logs. */
export class ChangeDelivery {
  /** Names this process for as long as it lives. */
  readonly source = randomUUID().slice(0, 13);
  readonly #logs: ChangeLogs;
  readonly #queues: readonly DeliveryQueue[];
  readonly #waiting = new Map<string, Reply>();

  constructor(logs: ChangeLogs) {
    this.#logs = logs;
    this.#queues = Array.from(
      { length: logs.partitions },
      (_, partition) => new DeliveryQueue(logs, partition, this.source, this.#waiting),
    );
  }

  /** Listens for outcomes, also those of other processes. Caller: before the first delivery. */
  listen(): Promise<void> {
    return this.#logs.listen({
      isWaitedFor: (replyTo) => this.#waiting.has(replyTo),
      onOutcomes: (replyTo, outcomes) => {
        if (this.#waiting.get(replyTo)?.add(outcomes)) this.#waiting.delete(replyTo);
      },
    });
  }

  /** Changes that wait in this process and are in no log yet. */
  get waitingChanges(): number {
    return this.#queues.reduce((sum, queue) => sum + queue.waitingChanges, 0);
  }

  /**
   * Resolves when the changes are in the log of their partition.
   * @throws Problem overloaded (nothing was appended) | redis_unavailable (unknown: they may be
   *   applied).
   */
  deliver(request: DeliveryRequest): Promise<Delivered> {
    assert(request.changes.length > 0, 'a delivery has changes');
    return this.#queues[request.partition]!.push(request);
  }

  /** Waits for the outcomes of an entry that comes into a log by another way. */
  awaited(about: string): {
    readonly replyTo: string;
    readonly outcomes: Promise<readonly Outcome[]>;
    forget(): void;
  } {
    const replyTo = `${this.source}.${about}.${randomUUID()}`;
    const reply = new Reply();
    this.#waiting.set(replyTo, reply);
    const forget = () => void this.#waiting.delete(replyTo);
    return { replyTo, outcomes: reply.outcomes, forget };
  }

  /**
   * Forgets sources whose processes were killed: what one of them had under way is long lost. One
   * that lives and was quiet for so long is answered that there is a gap, and begins an epoch.
   */
  forgetQuiet(nowMs = Date.now()): Promise<void> {
    return this.#logs.forgetQuiet(nowMs - QUIET_MS);
  }

  /** Forgets this source: its sequences end with the process. */
  retire(): Promise<void> {
    return this.#logs.forget(this.source);
  }
}

/**
 * No writer waits longer for outcomes than this; a row that was trimmed before it was read would be
 * waited for until the end.
 */
const REPLY_TTL_MS = 120_000;

/** The outcomes of one entry; a commit may bring only some of them. */
class Reply {
  readonly madeAtMs = Date.now();
  readonly outcomes: Promise<readonly Outcome[]>;
  readonly #collected: Outcome[] = [];
  #known = 0;
  #settle: (outcomes: readonly Outcome[]) => void = () => {};

  constructor() {
    this.outcomes = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** @returns whether all are here now. */
  add({ from, total, outcomes }: PartialOutcomes): boolean {
    outcomes.forEach((outcome, at) => {
      this.#collected[from + at] = outcome;
      this.#known++;
    });
    // Not the list's length: when a first part was trimmed unread, the last one makes it long and
    // leaves a hole.
    if (this.#known < total) return false;
    this.#settle(this.#collected);
    return true;
  }
}

class DeliveryQueue {
  readonly #logs: ChangeLogs;
  readonly #partition: number;
  readonly #source: string;
  readonly #replies: Map<string, Reply>;
  #pending: Pending[] = [];
  #bytes = 0;
  #epoch = 1;
  #sequence = 0;
  #isPumping = false;

  constructor(logs: ChangeLogs, partition: number, source: string, replies: Map<string, Reply>) {
    this.#logs = logs;
    this.#partition = partition;
    this.#source = source;
    this.#replies = replies;
  }

  get waitingChanges(): number {
    return this.#pending.reduce((sum, { changes }) => sum + changes.length, 0);
  }

  push(request: DeliveryRequest): Promise<Delivered> {
    if (this.#bytes > WAITING_BYTES_MAX)
      return Promise.reject(overloaded('changes wait in this process'));
    const bytes = request.changes.reduce((sum, text) => sum + text.length, 0);
    this.#bytes += bytes;
    return new Promise((resolve, reject) => {
      this.#pending.push({
        ...request,
        bytes,
        patientUntilMs: Date.now() + request.patienceMs,
        resolve,
        reject,
      });
      if (!this.#isPumping) void this.#pump();
    });
  }

  /** Bounded by what is pending: each turn takes some of it, or refuses it. */
  async #pump(): Promise<void> {
    this.#isPumping = true;
    await null; // what is pushed in the same turn of the event loop travels together
    while (this.#pending.length > 0) {
      const taken = this.#takeTogether();
      const together = taken.filter(({ chain }) => chain?.broken === undefined);
      try {
        if (together.length > 0) await this.#deliver(together);
      } catch (error) {
        const problem = redisProblem(error);
        for (const { chain, reject } of together) {
          if (chain) chain.broken = problem;
          reject(problem);
        }
      }
      for (const { bytes, chain, reject } of taken) {
        this.#bytes -= bytes;
        if (chain?.broken !== undefined) reject(chain.broken);
      }
    }
    this.#isPumping = false;
  }

  /**
   * The next requests that may share one entry: checked at one version, all or none with outcomes.
   */
  #takeTogether(): Pending[] {
    const first = this.#pending[0]!;
    let changes = 0;
    let bytes = 0;
    let count = 0;
    for (const next of this.#pending) {
      const isAlike =
        next.checkedAt === first.checkedAt && next.wantsOutcomes === first.wantsOutcomes;
      changes += next.changes.length;
      bytes += next.bytes;
      if (count > 0 && (!isAlike || changes > ENTRY_CHANGES_MAX || bytes > ENTRY_BYTES_MAX)) break;
      count++;
    }
    return this.#pending.splice(0, count);
  }

  async #deliver(together: readonly Pending[]): Promise<void> {
    const { checkedAt, wantsOutcomes } = together[0]!;
    const payload = `[${together.map(({ changes }) => changes.join(',')).join(',')}]`;
    const patientUntilMs = Math.max(...together.map((pending) => pending.patientUntilMs));
    const replyTo = `${this.#source}.${this.#partition}.${this.#epoch}.${this.#sequence + 1}`;
    const reply = wantsOutcomes ? new Reply() : undefined;
    if (reply) {
      this.#forgetOldReplies();
      this.#replies.set(replyTo, reply);
    }
    const given = { checkedAt, payload, replyTo: reply ? replyTo : undefined };
    const entry = await this.#append(given, patientUntilMs).catch((error: unknown) => {
      this.#replies.delete(replyTo);
      throw error;
    });
    let from = 0;
    for (const { changes, resolve } of together) {
      const [start, end] = [from, from + changes.length];
      const outcomes = reply ? reply.outcomes.then((all) => all.slice(start, end)) : NEVER_SETTLED;
      resolve({ entry, outcomes });
      from = end;
    }
  }

  /** The oldest come first; stops at the first that is still waited for. */
  #forgetOldReplies(): void {
    for (const [name, { madeAtMs }] of this.#replies) {
      if (Date.now() - madeAtMs < REPLY_TTL_MS) return;
      this.#replies.delete(name);
    }
  }

  /**
   * Sends one entry until it is known to be in the log. Bounded by `patientUntilMs` and
   * UNANSWERED_MAX_MS.
   */
  async #append(entry: LogAppend['entry'], patientUntilMs: number): Promise<string> {
    let unansweredSinceMs: number | undefined;
    for (;;) {
      try {
        const answer = await this.#send(entry);
        switch (answer.status) {
          case 'appended':
          case 'duplicate':
            this.#sequence++;
            return answer.entry;
          case 'full':
            if (Date.now() >= patientUntilMs)
              throw overloaded(`${answer.entries} entries wait in the log`);
            break;
          case 'gap': // a fail-over lost entries of mine; this one was not appended either
            this.#beginEpoch(this.#epoch);
            break;
          case 'old':
            this.#beginEpoch(answer.epoch);
            break;
          default:
            unreachable(answer);
        }
      } catch (error) {
        if (!isUnanswered(error) || isFull(error)) throw error; // a full Redis has appended nothing
        unansweredSinceMs ??= Date.now();
        if (Date.now() - unansweredSinceMs < UNANSWERED_MAX_MS) await sleep(RETRY_MS);
        else {
          this.#beginEpoch(this.#epoch);
          throw error;
        }
        continue;
      }
      await sleep(RETRY_MS);
    }
  }

  #send(entry: LogAppend['entry']): Promise<AppendAnswer> {
    return this.#logs.append(this.#partition, {
      source: this.#source,
      epoch: this.#epoch,
      sequence: this.#sequence + 1,
      entriesMax: LOG_ENTRIES_MAX,
      entry,
    });
  }

  #beginEpoch(after: number): void {
    this.#epoch = after + 1;
    this.#sequence = 0;
  }
}

const NEVER_SETTLED: Promise<readonly Outcome[]> = new Promise(() => {});

function overloaded(why: string): Problem {
  return new Problem('overloaded', `${why}; send more slowly`, [], { retry_after_s: 1 });
}
