/**
 * resyncs.ts – Resynchronizations: after a loss a partition sends another one all its state anew.
 *
 * Keeps true: the source's messages between `begin` and `end` say all that it knows of every (edge,
 * target) that concerns the other, as of when each is sent, in order with its live messages; what
 * its target has heard of before and was not confirmed in between is swept away after `end`. That
 * one runs is part of `meta` at both ends from the commit that begins it to the one that ends it,
 * so that reads know; how far it has come is not, so that after a take-over it begins anew, which
 * is harmless.
 */
import type { Redis } from 'ioredis';
import { partitionOf } from '../change/partition.ts';
import type { PartitionKeys } from '../redis/keys.ts';
import { unpackRelated } from '../redis/rows/neighbour-row.ts';
import type { Networks } from './networks.ts';

/** `receiving`: between `begin` and `end`; `sweeping`: what was not confirmed is being dropped. */
export type Receipt = 'receiving' | 'sweeping';

/** State about some targets over one edge, to be sent anew. */
export interface Resend {
  readonly to: number;
  readonly edgeId: number;
  /**
   * `up`: what our holders add up to at targets of the other; `down`: what our targets show to
   * holders there.
   */
  readonly direction: 'up' | 'down';
  readonly targets: readonly string[];
}

/** Targets of ours about which a partition was not heard of since its resynchronization began. */
export interface Sweep {
  readonly from: number;
  readonly edgeId: number;
  readonly targets: readonly string[];
}

/** What a batch takes along. */
export interface ResyncChunk {
  readonly begins: readonly number[];
  readonly resends: readonly Resend[];
  readonly ends: readonly number[];
  readonly sweeps: readonly Sweep[];
  /** Sources whose sweep is done with this batch. */
  readonly swept: readonly number[];
}

export const NO_RESYNC: ResyncChunk = { begins: [], resends: [], ends: [], sweeps: [], swept: [] };

/** What a step has heard of resynchronizations. */
export interface ResyncEffects {
  /** The last mark of each source that was heard of. */
  readonly heard: ReadonlyMap<number, 'snapshot-begin' | 'snapshot-end'>;
  /** Sources that began in this batch: what was confirmed before does not count any more. */
  readonly begun: ReadonlySet<number>;
  /** What each source from which one is received has said something about. */
  readonly confirmed: ReadonlyMap<number, ReadonlySet<string>>;
  /**
   * Sources of messages that can't be applied, and that have not begun anew since: what is known of
   * them is not right until they have.
   */
  readonly broken: ReadonlySet<number>;
}

/** Collects the effects while a step runs. */
export class HeardResyncs implements ResyncEffects {
  readonly heard = new Map<number, 'snapshot-begin' | 'snapshot-end'>();
  readonly begun = new Set<number>();
  readonly broken = new Set<number>();
  readonly #confirmed = new Map<number, Set<string>>();
  readonly #isReceiving: (source: number) => boolean;

  constructor(isReceiving: (source: number) => boolean) {
    this.#isReceiving = isReceiving;
  }

  get confirmed(): ReadonlyMap<number, ReadonlySet<string>> {
    return this.#confirmed;
  }

  mark(from: number, kind: 'snapshot-begin' | 'snapshot-end'): void {
    this.heard.set(from, kind);
    if (kind === 'snapshot-end') return;
    this.begun.add(from);
    this.broken.delete(from);
    this.#confirmed.delete(from);
  }

  /**
   * A message of the source can't be applied. What it has begun to say anew before does not make
   * that good: it may be part of it.
   */
  spoil(from: number): void {
    this.broken.add(from);
  }

  /** @returns whether the source is saying all its state anew. */
  confirm(from: number, member: string): boolean {
    if (!this.begun.has(from) && !this.#isReceiving(from)) return false;
    const members = this.#confirmed.get(from);
    if (members) members.add(member);
    else this.#confirmed.set(from, new Set([member]));
    return true;
  }

  isConfirmed(from: number, member: string): boolean {
    return this.#confirmed.get(from)?.has(member) === true;
  }
}

const TARGETS_A_BATCH = 200;

/** Fields of `meta`. */
const RESYNC_FIELDS = {
  sending: 'resending:',
  receiving: 'receiving:',
  broken: 'broken:',
} as const;

/** The partition that a field of `meta` is about; undefined: it is another kind of field. */
export function partitionIn(field: string, kind: keyof typeof RESYNC_FIELDS): number | undefined {
  const prefix = RESYNC_FIELDS[kind];
  return field.startsWith(prefix) ? Number(field.slice(prefix.length)) : undefined;
}

/** Names a target in the set of those that were confirmed. */
export function confirmedMember(edgeId: number, target: string): string {
  return `${edgeId}:${target}`;
}

export class Resyncs {
  /** What is still to be sent, by target partition; undefined: not listed yet. */
  readonly #sending = new Map<number, Resend[] | undefined>();
  readonly #unbegun = new Set<number>();
  readonly #receipts = new Map<number, Receipt>();
  readonly #sweeping = new Map<number, Sweep[]>();

  /** `lost`: the partitions to which all is sent anew. */
  constructor(meta: ReadonlyMap<string, string>, lost: Iterable<number>) {
    for (const to of lost) {
      this.#sending.set(to, undefined);
      this.#unbegun.add(to);
    }
    for (const [field, value] of meta) {
      const source = partitionIn(field, 'receiving');
      if (source !== undefined) this.#receipts.set(source, value as Receipt);
    }
  }

  get hasWork(): boolean {
    return this.#sending.size > 0 || [...this.#receipts.values()].includes('sweeping');
  }

  /** Whether what this source says is noted as confirmed. */
  isReceiving(source: number): boolean {
    return this.#receipts.has(source);
  }

  /**
   * The next piece of work. `mayEnd`: everything that the partition has to build is built, for what
   * a build finds out is part of its state. Caller: commits it before it asks again.
   */
  async next(
    redis: Redis,
    keys: PartitionKeys,
    networks: Networks,
    partitions: number,
    mayEnd: boolean,
  ): Promise<ResyncChunk> {
    if (this.#unbegun.size > 0) return { ...NO_RESYNC, begins: [...this.#unbegun] };
    for (const [to, listed] of this.#sending) {
      const resends = listed ?? (await listResends(redis, keys, networks, to, partitions));
      this.#sending.set(to, resends);
      const next = resends.at(-1);
      if (next) return { ...NO_RESYNC, resends: [next] };
      if (mayEnd) return { ...NO_RESYNC, ends: [to] };
    }
    for (const [from, receipt] of this.#receipts) {
      if (receipt !== 'sweeping') continue;
      const sweeps = this.#sweeping.get(from) ?? (await listSweeps(redis, keys, networks, from));
      this.#sweeping.set(from, sweeps);
      const next = sweeps.at(-1);
      if (!next) return { ...NO_RESYNC, swept: [from] };
      return { ...NO_RESYNC, sweeps: [await unconfirmed(redis, keys, next)] };
    }
    return NO_RESYNC;
  }

  /** What a commit writes into `meta`: fields and values, and fields that go. Pure. */
  progress(
    chunk: ResyncChunk,
    { heard, begun, broken }: ResyncEffects,
  ): { set: string[]; gone: string[]; forgotten: number[] } {
    const set: string[] = [];
    const gone: string[] = [];
    // Whatever is committed before it begins has the places of both ends agree: only this says that
    // state was lost between them.
    for (const to of this.#unbegun) set.push(`${RESYNC_FIELDS.sending}${to}`, 'sending');
    for (const to of chunk.ends) gone.push(`${RESYNC_FIELDS.sending}${to}`);
    for (const [from, mark] of heard) {
      set.push(
        `${RESYNC_FIELDS.receiving}${from}`,
        mark === 'snapshot-begin' ? 'receiving' : 'sweeping',
      );
    }
    for (const from of begun) if (!broken.has(from)) gone.push(`${RESYNC_FIELDS.broken}${from}`);
    for (const from of broken) set.push(`${RESYNC_FIELDS.broken}${from}`, 'broken');
    const forgotten = chunk.swept.filter((from) => !heard.has(from));
    for (const from of forgotten) gone.push(`${RESYNC_FIELDS.receiving}${from}`);
    return { set, gone, forgotten };
  }

  /** The commit took place. */
  committed(chunk: ResyncChunk, { heard }: ResyncEffects): void {
    for (const to of chunk.begins) this.#unbegun.delete(to);
    for (const { to } of chunk.resends) this.#sending.get(to)?.pop();
    for (const to of chunk.ends) this.#sending.delete(to);
    for (const { from } of chunk.sweeps) this.#sweeping.get(from)?.pop();
    for (const from of chunk.swept) {
      this.#receipts.delete(from);
      this.#sweeping.delete(from);
    }
    for (const [from, mark] of heard) {
      this.#receipts.set(from, mark === 'snapshot-begin' ? 'receiving' : 'sweeping');
      this.#sweeping.delete(from);
    }
  }
}

/**
 * Read whole: a hash has no order to go along by, and losses are rare (a million targets are about
 * half a second of one shard).
 */
async function listResends(
  redis: Redis,
  keys: PartitionKeys,
  networks: Networks,
  to: number,
  partitions: number,
): Promise<Resend[]> {
  const resends: Resend[] = [];
  for (const edgeId of networks.edges.keys()) {
    const held = (await redis.hkeys(keys.neighbours(edgeId))).filter(
      (target) => partitionOf(target, partitions) === to,
    );
    for (const targets of chunks(held)) resends.push({ to, edgeId, direction: 'up', targets });
    for (const targets of chunks(await redis.hkeys(keys.related(edgeId)))) {
      const rows = await redis.hmget(keys.related(edgeId), ...targets);
      const subscribed = targets.filter((_, at) => unpackRelated(rows[at])[to] !== undefined);
      if (subscribed.length > 0)
        resends.push({ to, edgeId, direction: 'down', targets: subscribed });
    }
  }
  return resends;
}

async function listSweeps(
  redis: Redis,
  keys: PartitionKeys,
  networks: Networks,
  from: number,
): Promise<Sweep[]> {
  const sweeps: Sweep[] = [];
  for (const edgeId of networks.edges.keys()) {
    for (const targets of chunks(await redis.hkeys(keys.related(edgeId))))
      sweeps.push({ from, edgeId, targets });
  }
  return sweeps;
}

async function unconfirmed(
  redis: Redis,
  keys: PartitionKeys,
  { from, edgeId, targets }: Sweep,
): Promise<Sweep> {
  const members = targets.map((target) => confirmedMember(edgeId, target));
  const isConfirmed = await redis.smismember(keys.confirmed(from), ...members);
  return { from, edgeId, targets: targets.filter((_, at) => isConfirmed[at] !== 1) };
}

function chunks(targets: readonly string[]): string[][] {
  const made: string[][] = [];
  for (let from = 0; from < targets.length; from += TARGETS_A_BATCH)
    made.push(targets.slice(from, from + TARGETS_A_BATCH));
  return made;
}
