/**
 * open.ts – Opens all that one process keeps of a deployment in Redis, as stores by purpose.
 *
 * Keeps true: a Redis that is too old, evicts keys or refuses a command is refused before anything
 * is written. What is handed out are ports: their users see no command, key name or client.
 */
import type { Redis } from 'ioredis';
import type { AnswerStore } from '../api/answer-store.ts';
import type { SessionStore } from '../api/session-store.ts';
import type { ActivationStore } from '../catalog/activation-store.ts';
import type { CatalogLog } from '../catalog/catalog-log.ts';
import type { SegmentSets } from '../cli/segment-sets.ts';
import type { ChangeLogs } from '../engine/change-logs.ts';
import type { DeadLetterStore } from '../engine/dead-letter-store.ts';
import type { PartitionStore, PartitionTail } from '../engine/partition-store.ts';
import type { PastAudits } from '../engine/past-audits.ts';
import type { ExplainStore } from '../explain/explain-store.ts';
import type { FeedStore } from '../feed/feed-store.ts';
import type { HistoryStore } from '../history/history-store.ts';
import type { ActivationFeed } from '../jobs/activation-feed.ts';
import type { JobStore } from '../jobs/job-store.ts';
import type { QueueConnections } from '../jobs/queue-connections.ts';
import type { WebhookLanes, WebhookLimits } from '../jobs/webhook-lanes.ts';
import { DEFAULT_LIMITS, type Limits } from '../limits.ts';
import type { AuditHistory } from '../membership/audit-history.ts';
import type { AuditStore } from '../membership/audit-store.ts';
import type { CommitChannel } from '../membership/commit-news.ts';
import type { MembershipStore } from '../membership/membership-store.ts';
import type { SortedRunStore } from '../membership/sorted-run-store.ts';
import { RedisActivationFeed } from './activation-feed.ts';
import { RedisActivationStore } from './activation-store.ts';
import { RedisAnswerStore } from './answer-store.ts';
import { RedisAuditHistory } from './audit-history.ts';
import { checkRedisVersion } from './binary.ts';
import { RedisCatalogLog } from './catalog-log.ts';
import { RedisChangeLogs } from './change-logs.ts';
import { RedisCommitChannel } from './commit-channel.ts';
import { openConnection } from './connection.ts';
import { RedisDeadLetterStore } from './dead-letter-store.ts';
import { RedisEdgeAudits } from './edge-audits.ts';
import { RedisExplainStore } from './explain-store.ts';
import { RedisFeedStore } from './feed-store.ts';
import { evictionFault, RedisHealth } from './health.ts';
import { RedisHistoryStore } from './history-store.ts';
import { RedisJobStore } from './job-store.ts';
import { RedisKeyAudits } from './key-audits.ts';
import { Keys } from './keys.ts';
import { RedisMembershipStore } from './membership-store.ts';
import { RedisPartitionStore } from './partition-store.ts';
import { RedisPartitionTail } from './partition-tail.ts';
import { RedisPastAudits } from './past-audits.ts';
import { checkPermissions } from './permissions.ts';
import { queueConnections } from './queue-connections.ts';
import { reachRedis } from './reach.ts';
import { RedisRepairs } from './repairs.ts';
import { RedisRowAudits } from './row-audits.ts';
import { keptLetters } from './rows/dead-letter.ts';
import { RedisSegmentSets } from './segment-sets.ts';
import { RedisServerError } from './server-error.ts';
import { RedisSessionStore } from './session-store.ts';
import { RedisSortedRunStore } from './sorted-run-store.ts';
import { StreamTail } from './stream-tail.ts';
import { RedisWebhookLanes } from './webhook-lanes.ts';

export interface OpenOptions {
  readonly url: string;
  readonly prefix: string;
  /** Called for each fault of a connection; they reconnect by themselves. */
  readonly onError: (error: Error) => void;
  /** Those of limits.ts if absent. */
  readonly limits?: Limits;
}

/** The stores of a deployment that was founded. */
export interface Stores {
  readonly activations: ActivationStore;
  readonly answers: AnswerStore;
  readonly changeLogs: ChangeLogs;
  readonly deadLetters: DeadLetterStore;
  readonly audits: AuditStore;
  readonly history: HistoryStore;
  readonly pastAudits: PastAudits;
  readonly feeds: FeedStore;
  readonly explain: ExplainStore;
  readonly auditHistory: AuditHistory;
  readonly jobs: JobStore;
  readonly memberships: MembershipStore;
  readonly queues: QueueConnections;
  readonly segmentSets: SegmentSets;
  readonly sessions: SessionStore;
  readonly sortedRuns: SortedRunStore;
  /** Asks Redis all the time, on a connection of its own, from now on. */
  readonly health: RedisHealth;
  /**
   * By partition. `onUnreadable` is called, by key and field, for rows that another program has
   * overwritten: they count as empty rows.
   */
  partitions(
    onUnreadable: (partition: number, key: string, field: string) => void,
  ): readonly PartitionStore[];
  /** By partition. */
  readonly partitionTails: readonly PartitionTail[];
  webhookLanes(limits: WebhookLimits): WebhookLanes;
  /** On a connection of its own, which is opened when it is needed and closed with the others. */
  commitChannel(onCommit: (partition: number) => void): CommitChannel;
  /** On a connection of its own, which `stop` closes. */
  openActivationFeed(onError: (error: Error) => void): ActivationFeed;
}

export interface OpenRedis {
  readonly catalog: CatalogLog;
  /** Caller: P was fixed when the deployment was founded (catalog/founding.ts). */
  stores(partitions: number): Stores;
  /** From now on those who follow a stream get its entries. */
  follow(): void;
  close(): Promise<void>;
}

/** @throws RedisServerError in words for a person if this Redis can't be worked with */
export async function openRedis({
  url,
  prefix,
  onError,
  limits = DEFAULT_LIMITS,
}: OpenOptions): Promise<OpenRedis> {
  await reachRedis(url);
  const redis = openConnection({ url, onError });
  const tail = new StreamTail(url, onError);
  let health: RedisHealth | undefined;
  const channels: RedisCommitChannel[] = [];
  const close = async () => {
    await tail.stop();
    for (const channel of channels) channel.close();
    health?.close();
    redis.disconnect();
  };
  try {
    await redis.connect();
    checkRedisVersion(await redis.info('server'));
    await checkPermissions(redis, prefix);
    await refuseEviction(redis);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    catalog: new RedisCatalogLog(redis, prefix, tail),
    stores: (partitions) => {
      health ??= new RedisHealth(url);
      const keys = new Keys(prefix, partitions);
      const commitChannel = (onCommit: (partition: number) => void) => {
        const channel = new RedisCommitChannel(url, keys.partitions, onCommit, onError);
        channels.push(channel);
        return channel;
      };
      return { ...storesOf({ url, redis, tail, health, keys, limits }), commitChannel };
    },
    follow: () => tail.start(),
    close,
  };
}

interface Connected {
  readonly url: string;
  readonly redis: Redis;
  readonly tail: StreamTail;
  readonly health: RedisHealth;
  readonly keys: Keys;
  readonly limits: Limits;
}

function storesOf(connected: Connected): Omit<Stores, 'commitChannel'> {
  const { url, redis, tail, health, keys, limits } = connected;
  const kept = keptLetters(limits);
  const bounds = { letters: kept, feed: limits };
  return {
    activations: new RedisActivationStore(redis, keys.catalog),
    answers: new RedisAnswerStore(redis, keys.catalog),
    changeLogs: new RedisChangeLogs(redis, keys, tail),
    deadLetters: new RedisDeadLetterStore(redis, keys.partitions, kept),
    audits: {
      keys: new RedisKeyAudits(redis, keys),
      rows: new RedisRowAudits(redis, keys.partitions),
      edges: new RedisEdgeAudits(redis, keys.partitions),
      repairs: new RedisRepairs(redis, keys.partitions),
    },
    history: new RedisHistoryStore(redis, keys.partitions),
    pastAudits: new RedisPastAudits(redis, keys),
    feeds: new RedisFeedStore(redis, keys.partitions),
    explain: new RedisExplainStore(redis, keys.partitions),
    auditHistory: new RedisAuditHistory(redis, keys),
    jobs: new RedisJobStore(redis, keys),
    memberships: new RedisMembershipStore(redis, keys.partitions),
    queues: queueConnections(redis, keys.prefix),
    segmentSets: new RedisSegmentSets(redis, keys),
    sessions: new RedisSessionStore(redis, keys.catalog),
    sortedRuns: new RedisSortedRunStore(redis, keys.catalog),
    health,
    partitions: (onUnreadable) =>
      keys.partitions.map(
        (own, at) =>
          new RedisPartitionStore(redis, own, (key, field) => onUnreadable(at, key, field), bounds),
      ),
    partitionTails: keys.partitions.map((own) => new RedisPartitionTail(tail, own)),
    webhookLanes: (limits) => new RedisWebhookLanes(redis, keys.webhooks, limits),
    openActivationFeed: (onError) =>
      new RedisActivationFeed(redis, keys, new StreamTail(url, onError)),
  };
}

/** @throws RedisServerError */
async function refuseEviction(redis: Redis): Promise<void> {
  const fault = evictionFault(await redis.info('memory'));
  if (fault !== undefined) throw new RedisServerError(`${fault}.`);
}
