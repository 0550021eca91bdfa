/**
 * generations.ts – The generation in which an owner of a partition sends to each other partition, and whether one of the two
 * ends has lost what the other remembers.
 *
 * Keeps true: each take-over begins a new generation at every target before anything is committed or sent, so that nothing that
 * an owner before still has under way – committed or lost in a fail-over – can pass for a message of this one. A generation is
 * never used twice, not even when both ends have forgotten it.
 */
import type { Redis } from 'ioredis';
import { NOWHERE, type Place, readPlace } from '../membership/place.ts';
import { isUnanswered } from '../redis/connection.ts';
import type { Keys } from '../redis/keys.ts';
import { runScript } from '../redis/scripts.ts';

/** What an owner finds at one target when it takes its partition over. */
export interface Finding {
  readonly sent: Place;
  readonly delivered: Place;
  /** The first sequence that the outbox holds; undefined: it is empty. */
  readonly outboxFirst: number | undefined;
  /** A resynchronization was begun and has not ended. */
  readonly isResynchronizing: boolean;
}

/** How an owner goes on towards one target. */
export interface Lane {
  readonly generation: number;
  /** The last sequence that is used; the next message is one more. */
  readonly sequence: number;
  /** All up to here was delivered, or is made good by a resynchronization. */
  readonly base: number;
  /** One end has forgotten what the other remembers: all state is sent anew. */
  readonly isLost: boolean;
}

/** Caller: `generation` has been begun at the target. */
export function laneAfter({ sent, delivered, outboxFirst, isResynchronizing }: Finding, generation: number): Lane {
  const isSourceBehind = delivered.sequence > sent.sequence;
  const next = delivered.sequence + 1;
  const isTargetBehind = delivered.sequence < sent.sequence && (outboxFirst === undefined || outboxFirst > next);
  const isLost = isSourceBehind || isTargetBehind || isResynchronizing || delivered.sequence < 0;
  const sequence = Math.max(sent.sequence, delivered.sequence, 0);
  return { generation, sequence, base: isLost ? sequence : 0, isLost };
}

const GENERATIONS_A_MS = 1024;

/** Times and random bits in 53: no two take-overs share one, and a later one is larger unless it comes within a millisecond. */
export function freshGeneration(nowMs = Date.now()): number {
  return nowMs * GENERATIONS_A_MS + Math.floor(Math.random() * GENERATIONS_A_MS);
}

function newGeneration({ sent, delivered }: Pick<Finding, 'sent' | 'delivered'>, fresh: number): number {
  return Math.max(fresh, sent.generation + 1, delivered.generation + 1);
}

/** How a partition is called as a source of messages. */
export function sourceName(partition: number): string {
  return `p${partition}`;
}

const ATTEMPTS_MAX = 20;

/**
 * Begins a generation at every target. `sent` and `resynchronizing` are what the partition's meta says at its take-over; `fresh`
 * answers a number that is larger than any that it, or that of another owner, has answered before.
 * Caller: checks afterwards that it still holds the partition as it was, and only then sends or commits.
 * @throws Error if others keep on doing the same; what `isUnanswered` knows if Redis does not answer, or refuses to write.
 */
export async function beginGenerations(
  redis: Redis,
  keys: Keys,
  partition: number,
  sent: ReadonlyMap<number, Place>,
  resynchronizing: ReadonlySet<number>,
  fresh: () => number = freshGeneration,
): Promise<Map<number, Lane>> {
  const lanes = new Map<number, Lane>();
  await Promise.all(
    keys.partitions.map(async (_, target) => {
      const known = { sent: sent.get(target) ?? NOWHERE, isResynchronizing: resynchronizing.has(target) };
      lanes.set(target, await beginGeneration(redis, keys, partition, target, known, fresh));
    }),
  );
  return lanes;
}

async function beginGeneration(
  redis: Redis,
  keys: Keys,
  partition: number,
  target: number,
  known: Pick<Finding, 'sent' | 'isResynchronizing'>,
  fresh: () => number,
): Promise<Lane> {
  const source = sourceName(partition);
  const { delivered: key } = keys.partitions[target]!;
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const [stored, first] = await Promise.all([
      redis.hget(key, source),
      redis.xrange(keys.partitions[partition]!.outbox(target), '-', '+', 'COUNT', 1),
    ]);
    const outboxFirst = first[0] ? Number(first[0][0].split('-')[0]) : undefined;
    const finding = { ...known, delivered: readPlace(stored), outboxFirst };
    const generation = newGeneration(finding, fresh());
    const begin = [source, stored ?? '', generation, finding.delivered.sequence, Date.now()];
    const answer = await runScript(redis, 'beginGeneration', [key], begin).catch((error: unknown) => {
      if (!isUnanswered(error) || attempt === ATTEMPTS_MAX) throw error;
      return 'unknown'; // whether it was begun or not: another one is
    });
    if (answer === 'begun') return laneAfter(finding, generation);
  }
  throw new Error(`partition ${partition} can't begin a generation at partition ${target}`);
}

/** Makes a source send all its state anew: it notices that its target remembers nothing of it. */
export async function askForResync(redis: Redis, keys: Keys, source: number, target: number): Promise<void> {
  const { delivered: key } = keys.partitions[target]!;
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const stored = await redis.hget(key, sourceName(source));
    const generation = newGeneration({ sent: NOWHERE, delivered: readPlace(stored) }, freshGeneration());
    const begin = [sourceName(source), stored ?? '', generation, -1, Date.now()];
    if ((await runScript(redis, 'beginGeneration', [key], begin)) === 'begun') return;
  }
  throw new Error(`partition ${target} can't ask partition ${source} for a resynchronization`);
}
