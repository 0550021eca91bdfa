/**
 * channels.ts – The channels from one partition to each other one: what waits on them, in which
 * epoch.
 *
 * Keeps true: a message is in the outbox, by the commit that made it, until its target's inbox
 * holds it. Per target one entry is under way at a time, numbered without gaps, so that a target
 * that is down holds up only itself. Each take-over begins a new epoch at every target before
 * anything is committed or sent. So no message that an earlier owner still has under way –
 * committed, or lost in a fail-over – can pass for one of this owner. A target that refuses an
 * entry remembers something else than this owner: then the partition has to be taken again.
 */
import { CHANNEL_START, type ChannelPosition } from '../membership/channel-position.ts';
import type { CommitDraft } from './commit-draft.ts';
import { type Channel, channelAfter, newEpoch } from './epochs.ts';
import { packMessages } from './message.ts';
import type { Participant, Turn } from './participant.ts';
import type { DeliveryAnswer, OutboxEntry, PartitionMeta } from './partition-store.ts';
import { type Asking, ask, type TargetEpoch } from './requests.ts';
import type { Step } from './step.ts';

const ATTEMPTS_MAX = 20;

interface OpenChannel extends Channel {
  readonly target: number;
  readonly waiting: OutboxEntry[];
  /** The last position that was sent. */
  sent: ChannelPosition;
  /** Up to which sequence the target has confirmed that it holds what was sent. */
  held: number;
  /**
   * Up to which sequence the target holds what was sent; 0: it has confirmed nothing since the last
   * trim.
   */
  delivered: number;
  /** The sequence up to which the planned commit trims. */
  trimmed: number;
}

/** An entry, and where its channel began. */
export interface Sending {
  readonly entry: OutboxEntry;
  readonly base: number;
}

const NO_ENTRIES: readonly OutboxEntry[] = [];

export class Channels implements Participant {
  readonly #targets: readonly number[];
  readonly #freshEpoch: () => number;
  #recovered: Pick<PartitionMeta, 'sent' | 'resending'> = {
    sent: new Map(),
    resending: new Set(),
  };
  readonly #channels = new Map<number, OpenChannel>();
  /** Until the first commit has written down in which epochs this owner sends. */
  #isNew = true;
  #isRefused = false;
  #planned = NO_ENTRIES;

  /**
   * `freshEpoch` answers a number that is larger than any that it, or another owner's, has answered
   * before.
   */
  constructor(partitions: number, freshEpoch: () => number) {
    this.#targets = Array.from({ length: partitions }, (_, target) => target);
    this.#freshEpoch = freshEpoch;
  }

  recover({ sent, resending }: Pick<PartitionMeta, 'sent' | 'resending'>): void {
    this.#recovered = { sent, resending };
  }

  /**
   * Begins an epoch at every target.
   * Caller: checks afterwards that it still holds the partition as it was, and only then goes on.
   * @throws Error if others keep on doing the same
   */
  *beginEpochs(): Asking<void> {
    let left = this.#targets;
    for (let attempt = 1; left.length > 0; attempt++) {
      if (attempt > ATTEMPTS_MAX) throw new Error(`no epoch can be begun at partitions ${left}`);
      left = yield* this.#tryEpochs(left);
    }
  }

  /** @returns the targets at which none was begun, as far as is known */
  *#tryEpochs(targets: readonly number[]): Asking<readonly number[]> {
    const ends = yield* ask({ kind: 'channels', targets });
    const findings = targets.map((target, at) => ({
      sent: this.#recovered.sent.get(target) ?? CHANNEL_START,
      isResynchronizing: this.#recovered.resending.has(target),
      delivered: ends[at]!.stored.position,
      outboxFirst: ends[at]!.outboxFirst,
    }));
    const begins = targets.map((target, at): TargetEpoch => {
      const { delivered } = findings[at]!;
      const epoch = newEpoch(findings[at]!, this.#freshEpoch());
      return { target, seen: ends[at]!.stored.seen, epoch, sequence: delivered.sequence };
    });
    const answers = yield* ask({ kind: 'begin-epochs', begins });
    return targets.filter((target, at) => {
      if (answers[at] !== 'begun') return true;
      const channel = channelAfter(findings[at]!, begins[at]!.epoch);
      const { epoch, sequence } = channel;
      const sent = { epoch, sequence };
      this.#channels.set(target, {
        ...channel,
        target,
        sent,
        held: findings[at]!.delivered.sequence,
        waiting: [],
        delivered: 0,
        trimmed: 0,
      });
      return false;
    });
  }

  /** Targets to which all state is resent: one end has forgotten what the other remembers. */
  get lost(): number[] {
    return this.#targets.filter((target) => this.#channels.get(target)?.isLost);
  }

  /** Takes up what an owner before has left; towards a target that is lost nothing. */
  *recoverOutbox(): Asking<void> {
    for (const { target, sequence, epoch, isLost, waiting } of this.#channels.values()) {
      if (isLost || sequence === 0) continue;
      for (const left of yield* ask({ kind: 'outbox', target }))
        waiting.push({ target, epoch, ...left });
    }
  }

  /** Whether a target remembers something else than this owner. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** Entries that wait for their targets. */
  get undelivered(): number {
    let entries = 0;
    for (const { waiting } of this.#channels.values()) entries += waiting.length;
    return entries;
  }

  /** The targets for which something waits. */
  *waiting(): Iterable<number> {
    for (const { target, waiting } of this.#channels.values()) if (waiting.length > 0) yield target;
  }

  /**
   * The next entry to be sent to a target. Caller: sends it until it is answered, and reports that.
   */
  next(target: number): Sending | undefined {
    const channel = this.#channels.get(target);
    const entry = channel?.waiting[0];
    return entry && { entry, base: channel!.base };
  }

  /** The first entry that waits for a target was answered. */
  answered(target: number, answer: DeliveryAnswer): void {
    const channel = this.#channels.get(target)!;
    if (answer === 'gap' || answer === 'old') {
      this.#isRefused = true;
      return;
    }
    channel.held = channel.delivered = channel.waiting.shift()!.sequence;
  }

  /**
   * The least position of each target: up to there it has confirmed that it holds what was sent.
   */
  get expected(): ReadonlyMap<number, ChannelPosition> {
    return new Map(
      [...this.#channels].map(([target, { epoch, held }]) => [target, { epoch, sequence: held }]),
    );
  }

  /**
   * Targets report their positions: one that forgot its position would refuse only when the next
   * message comes.
   */
  compare(
    expected: ReadonlyMap<number, ChannelPosition>,
    stored: readonly ChannelPosition[],
  ): void {
    const isForgotten = [...expected.values()].some(({ epoch, sequence }, at) => {
      const position = stored[at]!;
      return position.epoch !== epoch || position.sequence < sequence;
    });
    if (isForgotten) this.#isRefused = true;
  }

  begin(): void {
    this.#planned = NO_ENTRIES;
  }

  plan(writes: CommitDraft, { edges }: Step, { networks }: Turn): void {
    if (this.#isNew)
      writes.channels = [...this.#channels].map(([target, { sent }]) => [target, sent]);
    writes.delivered = this.#trims();
    if (edges.messages.size === 0) return;
    const entries: OutboxEntry[] = [];
    for (const [target, messages] of edges.messages) {
      const { epoch, sequence } = this.#channels.get(target)!.sent;
      const payload = packMessages(messages);
      const catalogVersion = networks.version;
      entries.push({ target, epoch, sequence: sequence + 1, catalogVersion, payload });
    }
    writes.outbox = this.#planned = entries;
  }

  /**
   * What was delivered since the last commit; at first also what a resynchronization makes good.
   */
  #trims(): CommitDraft['delivered'] {
    const trims: [target: number, sequence: number][] = [];
    for (const channel of this.#channels.values()) {
      channel.trimmed = channel.delivered;
      const upTo = Math.max(channel.trimmed, this.#isNew ? channel.base : 0);
      if (upTo > 0) trims.push([channel.target, upTo]);
    }
    return trims;
  }

  committed(): void {
    this.#isNew = false;
    for (const channel of this.#channels.values())
      if (channel.trimmed === channel.delivered) channel.delivered = 0;
    for (const entry of this.#planned) {
      const channel = this.#channels.get(entry.target)!;
      const { epoch, sequence } = entry;
      channel.sent = { epoch, sequence };
      channel.waiting.push(entry);
    }
  }
}
