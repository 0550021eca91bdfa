/**
 * webhook-lanes.ts – The events that wait to be delivered: per activation a fixed number of lanes.
 *
 * Keeps true: all events of a record go through one lane, in their order, and only the first of a
 * lane is ever sent. An event leaves its lane when it is delivered or put with the dead letters, at
 * once with what is counted. An entry of a partition is pushed once, however often it is given.
 */
import type { WebhookMessage } from './webhook-sender.ts';

export interface WebhookLimits {
  /** Events of an activation that may be pending; further ones go to the dead letters. */
  readonly pendingMax: number;
  /** Dead letters that are kept of an activation; the oldest give way. */
  readonly deadMax: number;
  /** Attempts of an event before it goes to the dead letters. */
  readonly attemptsMax: number;
  /** An activation is disabled after so many failed attempts in a row over at least so long. */
  readonly disableAfterFailures: number;
  readonly disableAfterMs: number;
  /**
   * The n-th delay is 2^(n-1) times the first, at most the longest, and up to half of it is left to
   * chance.
   */
  readonly firstDelayMs: number;
  readonly delayMaxMs: number;
}

/** 20 attempts take about five hours. */
export const WEBHOOK_LIMITS: WebhookLimits = {
  pendingMax: 100_000,
  deadMax: 100_000,
  attemptsMax: 20,
  disableAfterFailures: 50,
  disableAfterMs: 3600_000,
  firstDelayMs: 100,
  delayMaxMs: 3600_000,
};

/** A lane of an activation, by the name that it has everywhere. */
export interface LaneName {
  readonly activation: string;
  readonly lane: number;
}

/** An event with the record that it speaks of. */
export interface RecordMessage extends WebhookMessage {
  readonly record: string;
}

export interface FeedMessage extends RecordMessage {
  /** The entry of the partition's stream that it comes from, and its place in it: `1700-0/3`. */
  readonly entry: string;
}

/** `disabled`: nothing is sent, and events are kept. */
export const DELIVERY_STATUSES = ['active', 'disabled'] as const;

export interface DeliveryState {
  readonly status: (typeof DELIVERY_STATUSES)[number];
  readonly disabledAt: number | undefined;
  /** Failed attempts in a row, and since when. */
  readonly failures: number;
  readonly failingSince: number | undefined;
  readonly lastError: string | undefined;
  readonly lastFailureAt: number | undefined;
  readonly lastSuccessAt: number | undefined;
  readonly delivered: number;
  readonly pending: number;
  readonly dead: number;
  /** Dead letters that had to give way. */
  readonly dropped: number;
}

export interface WebhookLetter extends WebhookMessage {
  readonly attempts: number;
  readonly at: number;
  readonly error: string;
}

export interface DeadPage {
  readonly letters: readonly WebhookLetter[];
  /** Where the next page goes on; undefined on the last one. */
  readonly next: number | undefined;
}

/** `done`: all members are queued. */
export const SYNC_STATUSES = ['running', 'done', 'failed'] as const;

export interface SyncState {
  readonly id: string;
  readonly status: (typeof SYNC_STATUSES)[number];
  readonly cursor: string;
  /** Members that were gone through, of how many there were when it began. */
  readonly members: number;
  readonly total: number;
  readonly startedAt: number;
  readonly updatedAt: number;
  readonly error: string | undefined;
}

/**
 * `back`: it is delivered, and the receiver is back from an outage. `delay`: which one it is, for
 * `retry`.
 */
export interface Settled {
  readonly next: 'next' | 'back' | 'dead' | 'disabled' | 'moved' | 'retry';
  readonly delay: number;
}

export interface WebhookLanes {
  /**
   * Pushes the events of a partition's entries up to `last`, an entry or a position in it.
   * @returns the lanes that were empty
   */
  push(
    activation: string,
    partition: number,
    last: string,
    messages: readonly FeedMessage[],
  ): Promise<LaneName[]>;

  /** The first events of a lane: at least one, else as many as are wanted and can be held. */
  first(name: LaneName, count: number): Promise<WebhookMessage[]>;

  /** Notes what came of the first event of a lane. `moved`: it is not the first one any more. */
  settle(
    name: LaneName,
    id: string,
    outcome: 'delivered' | 'failed' | 'gone',
    error: string | null,
  ): Promise<Settled>;

  /** Sends nothing for a while, since the receiver asked for it: at most the longest delay. */
  hold(activation: string, forMs: number): Promise<void>;

  /** How long nothing is to be sent; 0 or less if it may be now. */
  heldForMs(activation: string): Promise<number>;

  isDisabled(activation: string): Promise<boolean>;

  state(activation: string): Promise<DeliveryState>;

  /** Forgets the failures so far; pending events have all of their attempts again. */
  enable(activation: string): Promise<void>;

  /** All lanes that hold something, or those of one activation. Bounded by the lanes of each. */
  waiting(activation?: string): Promise<LaneName[]>;

  /** Dead letters in the order in which they were put there. */
  dead(activation: string, limit: number, after?: number): Promise<DeadPage>;

  /**
   * Moves letters to the ends of their lanes. Caller: not more than a few hundred.
   * @returns how many were still there
   */
  redeliver(activation: string, letters: readonly WebhookLetter[]): Promise<number>;

  /** The letters of these ids that are there. */
  lettersOf(activation: string, ids: readonly string[]): Promise<WebhookLetter[]>;

  /** Begins a full sync in place of an earlier one. */
  beginSync(activation: string, id: string, total: number): Promise<void>;

  failSync(activation: string, error: string): Promise<void>;

  /** The last full sync; undefined: there was none. */
  sync(activation: string): Promise<SyncState | undefined>;

  /**
   * Pushes a page of a sync, or a part of one. Caller: marks the part with which the page is whole.
   * @returns the lanes that were empty; undefined if the sync no longer stands at its cursor
   */
  pushSync(
    activation: string,
    at: Pick<SyncState, 'id' | 'cursor'>,
    next: string | undefined,
    messages: readonly RecordMessage[],
    isWhole?: boolean,
  ): Promise<LaneName[] | undefined>;

  /** Forgets all of an activation that is no more. */
  purge(activation: string): Promise<void>;
}
