/**
 * outbox.ts – Forwards one partition's messages to the inboxes of others, each exactly once and in
 * order.
 *
 * Keeps true: a message is in the outbox (by the commit that made it) until its target's inbox
 * holds it; per target one entry is under way at a time, numbered without gaps, so that a target
 * that is down holds up only itself. After a take-over what the outbox holds is sent again, and the
 * delivery script drops what had arrived. A target that refuses an entry remembers something else
 * than this owner: then the partition has to be taken anew.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { ChannelPosition } from '../membership/channel-position.ts';
import { isUnanswered } from '../redis/failures.ts';
import { type Keys, type PartitionKeys, sourceName } from '../redis/keys.ts';
import { readChannelPosition } from '../redis/rows/channel-position.ts';
import { runScript } from '../redis/scripts.ts';
import type { Channel } from './epochs.ts';
import { INBOX_FIELDS, packMessages } from './message.ts';
import type { Step } from './step.ts';

/** Entries that may wait for their targets before the log, backfills and fan-outs are held back. */
export const UNDELIVERED_MAX = 1000;
const RETRY_MS = 50;

export interface OutboxEntry {
  readonly target: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly catalogVersion: number;
  readonly payload: string;
}

/** The messages of a step as entries of the outbox, numbered on. */
export function outboxEntries(
  { edges }: Step,
  sent: ReadonlyMap<number, ChannelPosition>,
  catalogVersion: number,
): OutboxEntry[] {
  return [...edges.messages].map(([target, messages]) => {
    const { epoch, sequence } = sent.get(target)!;
    return {
      target,
      epoch,
      sequence: sequence + 1,
      catalogVersion,
      payload: packMessages(messages),
    };
  });
}

interface SendingChannel extends Channel {
  readonly target: number;
  readonly waiting: OutboxEntry[];
  delivered: number;
  isSending: boolean;
}

export interface OutboxContext {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly partition: number;
  readonly logger: Logger;
  readonly onDelivered: () => void;
  /** Told when a target has refused. */
  readonly onRefused: () => void;
}

export class Outbox {
  readonly #context: OutboxContext;
  readonly #own: PartitionKeys;
  readonly #channels: ReadonlyMap<number, SendingChannel>;
  #isStopped = false;
  #isRefused = false;

  /** Caller: has begun the channels' epochs at their targets. */
  constructor(context: OutboxContext, channels: ReadonlyMap<number, Channel>) {
    this.#context = context;
    this.#own = context.keys.partitions[context.partition]!;
    this.#channels = new Map(
      [...channels].map(([target, channel]) => [
        target,
        { ...channel, target, waiting: [], delivered: 0, isSending: false },
      ]),
    );
  }

  /** Whether a target remembers something else than this owner. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  get undelivered(): number {
    let entries = 0;
    for (const { waiting } of this.#channels.values()) entries += waiting.length;
    return entries;
  }

  /**
   * Takes up what an owner before has left; towards a target that is lost nothing: it is sent all
   * state anew.
   */
  async recover(): Promise<void> {
    for (const { target, sequence, epoch, isLost } of this.#channels.values()) {
      if (isLost || sequence === 0) continue;
      const left = await this.#context.redis.xrange(this.#own.outbox(target), '-', '+');
      for (const [id, fields] of left) {
        const [, catalogVersion, , payload] = fields;
        const place = { target, epoch, sequence: Number(id.split('-')[0]) };
        this.forward({ ...place, catalogVersion: Number(catalogVersion), payload: payload! });
      }
    }
  }

  forward(entry: OutboxEntry): void {
    const channel = this.#channels.get(entry.target)!;
    channel.waiting.push(entry);
    if (!channel.isSending) void this.#send(channel);
  }

  /**
   * Targets whose outbox may be trimmed, with the last sequence that they hold; each is told once.
   */
  takeDelivered(): [target: number, sequence: number][] {
    const taken: [number, number][] = [];
    for (const channel of this.#channels.values()) {
      if (channel.delivered > 0) taken.push([channel.target, channel.delivered]);
      channel.delivered = 0;
    }
    return taken;
  }

  /**
   * Asks all targets whether they hold what they were sent: one that forgot it would say so only
   * when the next message comes.
   */
  async check(sent: ReadonlyMap<number, ChannelPosition>): Promise<void> {
    if (this.undelivered > 0) return;
    const expected = [...sent];
    const source = sourceName(this.#context.partition);
    const { redis, keys } = this.#context;
    const stored = await Promise.all(
      expected.map(([target]) => redis.hget(keys.partitions[target]!.delivered, source)),
    );
    const isForgotten = expected.some(([, { epoch, sequence }], at) => {
      const place = readChannelPosition(stored[at]);
      return place.epoch !== epoch || place.sequence < sequence;
    });
    if (isForgotten) this.#refuse();
  }

  #refuse(): void {
    this.#isRefused = true;
    this.#context.onRefused();
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Bounded by what waits: each turn sends one entry, or waits for Redis. */
  async #send(channel: SendingChannel): Promise<void> {
    channel.isSending = true;
    while (channel.waiting.length > 0 && !this.#isStopped) {
      const [entry] = channel.waiting;
      try {
        const answer = await this.#deliver(channel, entry!);
        if (answer === 'gap' || answer === 'old') {
          this.#context.logger.warn({ target: channel.target, answer }, 'a message was refused');
          this.#refuse();
          break;
        }
        channel.waiting.shift();
        channel.delivered = entry!.sequence;
      } catch (error) {
        if (!isUnanswered(error))
          this.#context.logger.error(
            { err: error, target: channel.target },
            'a message could not be delivered',
          );
        await sleep(RETRY_MS);
      }
    }
    channel.isSending = false;
    this.#context.onDelivered();
  }

  async #deliver(
    { epoch, base }: Channel,
    { target, sequence, catalogVersion, payload }: OutboxEntry,
  ) {
    const { redis, keys, partition } = this.#context;
    const { inbox: stream, delivered } = keys.partitions[target]!;
    const source = sourceName(partition);
    const given = { source, epoch, base, sequence, entriesMax: 0, nowMs: Date.now() };
    const fields = [
      INBOX_FIELDS.from,
      partition,
      INBOX_FIELDS.catalogVersion,
      catalogVersion,
      INBOX_FIELDS.payload,
      payload,
    ];
    const more = { arguments: fields };
    const answer = await runScript(redis, 'deliverEntry', { stream, delivered }, given, more);
    return answer.status;
  }
}
