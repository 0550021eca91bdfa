/**
 * outbox.ts – Forwards one partition's messages to the inboxes of others, each exactly once and in order.
 *
 * Keeps true: a message is in the outbox (by the commit that made it) until its target's inbox holds it; per target one entry is
 * under way at a time, numbered without gaps, so that a target that is down holds up only itself. After a take-over what the
 * outbox holds is sent again, and the delivery script drops what had arrived.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { isUnanswered } from '../redis/connection.ts';
import type { Keys, PartitionKeys } from '../redis/keys.ts';
import { runScript } from '../redis/scripts.ts';
import { INBOX_FIELDS } from './message.ts';

/** Entries that may wait for their targets before the log, scans and fan-outs are held back. */
export const UNDELIVERED_MAX = 1000;
const RETRY_MS = 50;
const GENERATION = 1;

export interface OutboxEntry {
  readonly target: number;
  readonly sequence: number;
  readonly catalogVersion: number;
  readonly payload: string;
}

interface Lane {
  readonly waiting: OutboxEntry[];
  delivered: number;
  isSending: boolean;
}

export class Outbox {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #own: PartitionKeys;
  readonly #partition: number;
  readonly #logger: Logger;
  readonly #lanes = new Map<number, Lane>();
  readonly #onDelivered: () => void;
  #isStopped = false;

  constructor(redis: Redis, keys: Keys, partition: number, logger: Logger, onDelivered: () => void) {
    this.#redis = redis;
    this.#keys = keys;
    this.#partition = partition;
    this.#own = keys.partitions[partition]!;
    this.#logger = logger;
    this.#onDelivered = onDelivered;
  }

  get undelivered(): number {
    let entries = 0;
    for (const { waiting } of this.#lanes.values()) entries += waiting.length;
    return entries;
  }

  /** Takes up what an owner before has left. `targets` are those that were ever sent to. */
  async recover(targets: Iterable<number>): Promise<void> {
    for (const target of targets) {
      const left = await this.#redis.xrange(this.#own.outbox(target), '-', '+');
      for (const [id, fields] of left) {
        const [, catalogVersion, , payload] = fields;
        this.forward({
          target,
          sequence: Number(id.split('-')[0]),
          catalogVersion: Number(catalogVersion),
          payload: payload!,
        });
      }
    }
  }

  forward(entry: OutboxEntry): void {
    let lane = this.#lanes.get(entry.target);
    if (!lane) this.#lanes.set(entry.target, (lane = { waiting: [], delivered: 0, isSending: false }));
    lane.waiting.push(entry);
    if (!lane.isSending) void this.#send(lane);
  }

  /** Targets whose outbox may be trimmed, with the last sequence that they hold; each is told once. */
  takeDelivered(): [target: number, sequence: number][] {
    const taken: [number, number][] = [];
    for (const [target, lane] of this.#lanes) {
      if (lane.delivered > 0) taken.push([target, lane.delivered]);
      lane.delivered = 0;
    }
    return taken;
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Bounded by what waits: each turn sends one entry, or waits for Redis. */
  async #send(lane: Lane): Promise<void> {
    lane.isSending = true;
    while (lane.waiting.length > 0 && !this.#isStopped) {
      const [entry] = lane.waiting;
      try {
        await this.#deliver(entry!);
        lane.waiting.shift();
        lane.delivered = entry!.sequence;
      } catch (error) {
        if (!isUnanswered(error))
          this.#logger.error({ err: error, target: entry!.target }, 'a message could not be delivered');
        await sleep(RETRY_MS);
      }
    }
    lane.isSending = false;
    this.#onDelivered();
  }

  async #deliver({ target, sequence, catalogVersion, payload }: OutboxEntry): Promise<void> {
    const { inbox, delivered } = this.#keys.partitions[target]!;
    const header = [`p${this.#partition}`, GENERATION, sequence, 0, Date.now()];
    const fields = [
      INBOX_FIELDS.from,
      this.#partition,
      INBOX_FIELDS.catalogVersion,
      catalogVersion,
      INBOX_FIELDS.payload,
      payload,
    ];
    const [answer, detail] = await runScript<[string, string]>(
      this.#redis,
      'deliverEntry',
      [inbox, delivered],
      [...header, ...fields],
    );
    if (answer === 'appended' || answer === 'duplicate') return;
    throw new Error(`the inbox of partition ${target} answered ${answer} ${detail} to message ${sequence}`);
  }
}
