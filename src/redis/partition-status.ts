/**
 * partition-status.ts – Looks at a partition, by one script.
 *
 * Keeps true: what one look brings is of one instant.
 */
import type { ChainableCommander, Redis } from 'ioredis';
import type { PredicatePair, SharedLook, TalliedLook } from '../membership/membership-store.ts';
import type { Count, Look, LookRequest } from '../membership/partition-status.ts';
import type { PartitionKeys } from './keys.ts';
import { COUNTED_RING } from './rows/counted.ts';
import { readFailed } from './rows/failed.ts';
import type { AnswerOf } from './script-signatures.ts';
import { addScript, answerOfScript, inOrder, runScript } from './scripts.ts';
import { carriedOut } from './transaction.ts';

/** One round trip. `partitions`: how many there are. */
export async function lookAtPartition(
  redis: Redis,
  keys: PartitionKeys,
  partitions: number,
  request: LookRequest,
): Promise<Look> {
  const given = argumentsOf(request, partitions);
  const more = { arguments: request.counted };
  return readLook(await runScript(redis, 'readPartition', keys, given, more), request);
}

/** A look, and beside it how many members some pairs of sets share: of one instant. */
export async function lookAtShared(
  redis: Redis,
  keys: PartitionKeys,
  partitions: number,
  request: LookRequest,
  pairs: readonly PredicatePair[],
): Promise<SharedLook> {
  const transaction = withLook(redis, keys, partitions, request);
  for (const [a, b] of pairs) transaction.sintercard(2, keys.segment(a), keys.segment(b));
  const [answer, ...shared] = await carriedOut(transaction);
  return { look: lookIn(answer, request), shared: shared as number[] };
}

/** A look, and beside it which of some sets their members are in: of one instant. */
export async function lookAtTally(
  redis: Redis,
  keys: PartitionKeys,
  partitions: number,
  request: LookRequest,
  predicateIds: readonly number[],
): Promise<TalliedLook> {
  const transaction = withLook(redis, keys, partitions, request);
  const sets = predicateIds.map((each) => keys.segment(each));
  addScript(transaction, 'tallyMembers', sets, []);
  const [answer, flat] = (await carriedOut(transaction)) as [unknown, number[]];
  const tally = new Map<number, number>();
  for (let at = 0; at + 1 < flat.length; at += 2) tally.set(flat[at]!, flat[at + 1]!);
  return { look: lookIn(answer, request), tally };
}

function withLook(
  redis: Redis,
  keys: PartitionKeys,
  partitions: number,
  request: LookRequest,
): ChainableCommander {
  const given = argumentsOf(request, partitions);
  const more = { arguments: request.counted };
  const transaction = redis.multi();
  addScript(transaction, 'readPartition', ...inOrder('readPartition', keys, given, more));
  return transaction;
}

function lookIn(answer: unknown, request: LookRequest): Look {
  return readLook(answerOfScript('readPartition', answer), request);
}

function argumentsOf({ channels, since, failures }: LookRequest, partitions: number) {
  return {
    partitions: channels ? partitions : 0,
    failures,
    sinceNumber: since?.number ?? '',
    sinceNonce: since?.nonce ?? '',
    ring: COUNTED_RING,
  };
}

function readLook(answer: AnswerOf<'readPartition'>, { failures }: LookRequest): Look {
  const { dueMs, telling, sent, delivered, fanning, loss, failed, counts, ...rest } = answer;
  return {
    ...rest,
    dueMs: dueMs === '' ? undefined : Number(dueMs),
    telling: telling === 0 ? undefined : telling,
    sent: sent.split(','),
    delivered: delivered.split(','),
    fanning: fanning === 0 ? undefined : fanning,
    loss: loss === '' ? undefined : loss,
    failed: answer.failures === failures ? undefined : readFailed(failed),
    changed: answer.since === 'known' ? readChanged(answer.changed) : undefined,
    counts: counts.map(readCount),
  };
}

function readChanged(flat: readonly string[]): Map<number, Count> {
  const changed = new Map<number, Count>();
  for (let at = 0; at + 1 < flat.length; at += 2)
    changed.set(Number(flat[at]), readCount(flat[at + 1]!));
  return changed;
}

function readCount(stored: string): Count {
  return stored === '' ? null : Number(stored);
}
