/**
 * webhook-lanes.ts – Lanes of webhooks in Redis: a list per lane, and per activation its state, its
 * attempts and its dead letters.
 *
 * Keeps true: all keys of the lanes share the hash tag of the queues. Whatever moves an event
 * counts it in the same script. An event is stored as its id, a blank and its body.
 */
import type { ChainableCommander, Redis } from 'ioredis';
import { crc16 } from '../change/partition.ts';
import type {
  DeadPage,
  DeliveryState,
  FeedMessage,
  LaneName,
  RecordMessage,
  Settled,
  SyncState,
  WebhookLanes,
  WebhookLetter,
  WebhookLimits,
} from '../jobs/webhook-lanes.ts';
import type { WebhookMessage } from '../jobs/webhook-sender.ts';
import { partsOf } from '../parts.ts';
import type { WebhookKeys } from './keys.ts';
import { pairs } from './pairs.ts';
import { runScript } from './scripts.ts';
import { weighFields } from './weigh.ts';

/** Lanes of an activation: at most so many requests are under way to its receiver at a time. */
const LANES = 32;
/** Lanes are read by as many as deliver at once. */
const FIRST_BYTES_MAX = 128 * 1024;
/** The weight of a page of dead letters at most, if it is not one alone. */
const DEAD_PAGE_BYTES_MAX = 4 * 1024 * 1024;

/**
 * After so many failed attempts in a row a success means that the receiver is back: nothing waits
 * for it any longer.
 */
const OUTAGE_FAILURES = 10;

export class RedisWebhookLanes implements WebhookLanes {
  readonly #redis: Redis;
  readonly #keys: WebhookKeys;
  readonly #limits: WebhookLimits;

  constructor(redis: Redis, keys: WebhookKeys, limits: WebhookLimits) {
    this.#redis = redis;
    this.#keys = keys;
    this.#limits = limits;
  }

  async push(
    activation: string,
    partition: number,
    last: string,
    messages: readonly FeedMessage[],
  ): Promise<LaneName[]> {
    const { state, sync, touched, dead, deadOrder } = this.#of(activation);
    const { pendingMax, deadMax } = this.#limits;
    const events = messages.flatMap((message) => {
      const lane = laneOf(message.record);
      return [
        message.entry,
        lane,
        nameOf({ activation, lane }),
        message.record,
        message.id,
        pack(message),
      ];
    });
    const { lanes } = this.#keys;
    const field = `emitted:${partition}`;
    const woken = await runScript(
      this.#redis,
      'pushWebhooks',
      { state, lanes, sync, touched, dead, deadOrder },
      { field, last, nowMs: Date.now(), pendingMax, deadMax },
      { keys: this.#lanesOf(activation), arguments: events },
    );
    return woken.map(readName);
  }

  async first({ activation, lane }: LaneName, count: number): Promise<WebhookMessage[]> {
    const keys = { lane: this.#keys.lane(activation, lane) };
    const bounds = { eventsMax: count, bytesMax: FIRST_BYTES_MAX };
    return (await runScript(this.#redis, 'firstWebhooks', keys, bounds)).map(unpack);
  }

  async settle(
    name: LaneName,
    id: string,
    outcome: 'delivered' | 'failed' | 'gone',
    error: string | null,
  ): Promise<Settled> {
    const { activation, lane } = name;
    const { state, attempts, dead, deadOrder } = this.#of(activation);
    const { attemptsMax, disableAfterFailures, disableAfterMs, deadMax } = this.#limits;
    const { lanes } = this.#keys;
    const own = this.#keys.lane(activation, lane);
    const { next, delay = 0 } = await runScript(
      this.#redis,
      'settleWebhook',
      { state, lanes, lane: own, attempts, dead, deadOrder },
      {
        outcome,
        id,
        name: nameOf(name),
        nowMs: Date.now(),
        failure: error ?? '',
        attemptsMax,
        runMax: disableAfterFailures,
        runMs: disableAfterMs,
        deadMax,
        outage: OUTAGE_FAILURES,
      },
    );
    return { next, delay };
  }

  async hold(activation: string, forMs: number): Promise<void> {
    const untilMs = Date.now() + Math.min(forMs, this.#limits.delayMaxMs);
    await this.#redis.hset(this.#keys.state(activation), 'held_until', untilMs);
  }

  async heldForMs(activation: string): Promise<number> {
    return (
      Number((await this.#redis.hget(this.#keys.state(activation), 'held_until')) ?? 0) - Date.now()
    );
  }

  async isDisabled(activation: string): Promise<boolean> {
    return (await this.#redis.hget(this.#keys.state(activation), 'status')) === 'disabled';
  }

  async state(activation: string): Promise<DeliveryState> {
    const [fields, dead] = await Promise.all([
      this.#redis.hgetall(this.#keys.state(activation)),
      this.#redis.hlen(this.#keys.dead(activation)),
    ]);
    const number = (name: string) => (fields[name] ? Number(fields[name]) : undefined);
    return {
      status: fields['status'] === 'disabled' ? 'disabled' : 'active',
      disabledAt: number('disabled_at'),
      failures: number('failures') ?? 0,
      failingSince: number('failing_since'),
      lastError: fields['last_error'],
      lastFailureAt: number('last_failure_at'),
      lastSuccessAt: number('last_success_at'),
      delivered: number('delivered') ?? 0,
      pending: number('pending') ?? 0,
      dead,
      dropped: number('dropped') ?? 0,
    };
  }

  async enable(activation: string): Promise<void> {
    const { state, attempts } = this.#of(activation);
    await this.#redis
      .multi()
      .hset(state, 'status', 'active', 'failures', 0)
      .hdel(state, 'failing_since', 'disabled_at', 'held_until')
      .unlink(attempts)
      .exec();
  }

  async waiting(activation?: string): Promise<LaneName[]> {
    const names = (await this.#redis.smembers(this.#keys.lanes)).map(readName);
    return activation === undefined
      ? names
      : names.filter((name) => name.activation === activation);
  }

  async dead(activation: string, limit: number, after = 0): Promise<DeadPage> {
    const { dead, deadOrder } = this.#of(activation);
    const flat = await this.#redis.zrange(
      deadOrder,
      `(${after}`,
      '+inf',
      'BYSCORE',
      'LIMIT',
      0,
      limit + 1,
      'WITHSCORES',
    );
    const order = [...pairs(flat)];
    if (order.length === 0) return { letters: [], next: undefined };
    const ids = order.slice(0, limit).map(([id]) => id);
    const [some = []] = partsOf(
      ids,
      await weighFields(this.#redis, dead, ids),
      DEAD_PAGE_BYTES_MAX,
    );
    const stored = await this.#redis.hmget(dead, ...some);
    const letters = some.flatMap((id, at) => (stored[at] ? [readLetter(id, stored[at])] : []));
    return {
      letters,
      next: order.length > some.length ? Number(order[some.length - 1]![1]) : undefined,
    };
  }

  async redeliver(activation: string, letters: readonly WebhookLetter[]): Promise<number> {
    const { state, dead, deadOrder } = this.#of(activation);
    const given = letters.flatMap(({ id, body }) => {
      const lane = laneOf(recordOf(body));
      return [id, lane, nameOf({ activation, lane })];
    });
    const keys = { state, lanes: this.#keys.lanes, dead, deadOrder };
    const more = { keys: this.#lanesOf(activation), arguments: given };
    return runScript(this.#redis, 'redeliverWebhooks', keys, {}, more);
  }

  async lettersOf(activation: string, ids: readonly string[]): Promise<WebhookLetter[]> {
    if (ids.length === 0) return [];
    const stored = await this.#redis.hmget(this.#keys.dead(activation), ...ids);
    return ids.flatMap((id, at) => (stored[at] ? [readLetter(id, stored[at])] : []));
  }

  async beginSync(activation: string, id: string, total: number): Promise<void> {
    const { sync, touched } = this.#of(activation);
    const now = Date.now();
    const fields = {
      id,
      status: 'running',
      cursor: '',
      members: 0,
      total,
      started_at: now,
      updated_at: now,
    };
    await this.#redis.multi().unlink(sync, touched).hset(sync, fields).exec();
  }

  async failSync(activation: string, error: string): Promise<void> {
    await this.#redis.hset(this.#keys.sync(activation), {
      status: 'failed',
      error,
      updated_at: Date.now(),
    });
  }

  async sync(activation: string): Promise<SyncState | undefined> {
    const fields = await this.#redis.hgetall(this.#keys.sync(activation));
    if (fields['id'] === undefined) return undefined;
    return {
      id: fields['id'],
      status: fields['status'] as SyncState['status'],
      cursor: fields['cursor'] ?? '',
      members: Number(fields['members'] ?? 0),
      total: Number(fields['total'] ?? 0),
      startedAt: Number(fields['started_at']),
      updatedAt: Number(fields['updated_at']),
      error: fields['error'],
    };
  }

  async pushSync(
    activation: string,
    { id, cursor }: Pick<SyncState, 'id' | 'cursor'>,
    next: string | undefined,
    messages: readonly RecordMessage[],
    isWhole = true,
  ): Promise<LaneName[] | undefined> {
    const { state, sync, touched } = this.#of(activation);
    const events = messages.flatMap((message) => {
      const lane = laneOf(message.record);
      return [lane, nameOf({ activation, lane }), message.record, pack(message)];
    });
    const answer = await runScript(
      this.#redis,
      'syncWebhooks',
      { state, lanes: this.#keys.lanes, sync, touched },
      {
        id,
        before: cursor,
        after: next ?? '',
        status: next === undefined ? 'done' : 'running',
        nowMs: Date.now(),
        part: isWhole ? 'whole' : 'part',
      },
      { keys: this.#lanesOf(activation), arguments: events },
    );
    return answer.status === 'pushed' ? answer.woken.map(readName) : undefined;
  }

  async purge(activation: string): Promise<void> {
    const { state, attempts, dead, deadOrder, sync, touched } = this.#of(activation);
    const names = Array.from({ length: LANES }, (_, lane) => nameOf({ activation, lane }));
    const all: ChainableCommander = this.#redis.multi().srem(this.#keys.lanes, ...names);
    await all
      .unlink(state, attempts, dead, deadOrder, sync, touched, ...this.#lanesOf(activation))
      .exec();
  }

  #of(activation: string) {
    const keys = this.#keys;
    return {
      state: keys.state(activation),
      attempts: keys.attempts(activation),
      dead: keys.dead(activation),
      deadOrder: keys.deadOrder(activation),
      sync: keys.sync(activation),
      touched: keys.touched(activation),
    };
  }

  #lanesOf(activation: string): string[] {
    return Array.from({ length: LANES }, (_, lane) => this.#keys.lane(activation, lane));
  }
}

/** Of 32. The bits of a CRC of ids that count up are far from even: those of this product are. */
function laneOf(record: string): number {
  return Math.imul(crc16(record), 0x9e3779b1) >>> 27;
}

function nameOf({ activation, lane }: LaneName): string {
  return `${activation}:${lane}`;
}

function readName(name: string): LaneName {
  const colon = name.indexOf(':');
  return { activation: name.slice(0, colon), lane: Number(name.slice(colon + 1)) };
}

/** An id holds no blank. */
function pack({ id, body }: WebhookMessage): string {
  return `${id} ${body}`;
}

function unpack(event: string): WebhookMessage {
  const blank = event.indexOf(' ');
  return { id: event.slice(0, blank), body: event.slice(blank + 1) };
}

function readLetter(id: string, stored: string): WebhookLetter {
  const [attempts, at, error, event] = JSON.parse(stored) as [number, number, string, string];
  return { id, attempts, at, error, body: unpack(event).body };
}

function recordOf(body: string): string {
  return (JSON.parse(body) as { data: { id: string } }).data.id;
}
