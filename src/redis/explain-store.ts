/**
 * explain-store.ts – Reads a record with all that its partition knows of its neighbours, out of
 * Redis.
 *
 * Keeps true: what explain/explain-store.ts promises.
 */
import type { Redis } from 'ioredis';
import { partitionOf } from '../change/partition.ts';
import { unpackRecord } from '../change/record.ts';
import type {
  AskedRows,
  ExplainStore,
  RecentEntry,
  RecordAtInstant,
} from '../explain/explain-store.ts';
import type { PartitionKeys } from './keys.ts';
import { FEED_FIELD, readFeed } from './rows/feed-entry.ts';
import { unpackNeighbour, unpackRelated } from './rows/neighbour-row.ts';
import { unpackState } from './rows/state-row.ts';
import { runScript } from './scripts.ts';

/** How an entry is packed that has no news of segments. */
const NO_NEWS = '"control":[]';

export class RedisExplainStore implements ExplainStore {
  readonly #redis: Redis;
  readonly #keys: readonly PartitionKeys[];

  constructor(redis: Redis, partitions: readonly PartitionKeys[]) {
    this.#redis = redis;
    this.#keys = partitions;
  }

  async recentFeed(id: string, below: string | undefined, count: number): Promise<RecentEntry[]> {
    const { feed } = this.#keys[partitionOf(id, this.#keys.length)]!;
    const end = below === undefined ? '+' : `(${below}`;
    const entries = await this.#redis.xrevrange(feed, end, '-', 'COUNT', count);
    const written = JSON.stringify(id);
    return entries.map(([entry, fields]) => {
      const packed = fields[fields.indexOf(FEED_FIELD) + 1] ?? '';
      const clock = Number(entry.slice(0, entry.indexOf('-')));
      const size = packed.length;
      // Most entries tell of neither the record nor a segment: they are not unpacked.
      if (!packed.includes(written) && packed.includes(NO_NEWS))
        return { entry, at: clock, control: [], events: [], size };
      const { at, control, events } = readFeed(packed);
      return { entry, at, control, events: events.filter(([, of]) => of === id), size };
    });
  }

  async readRecord(
    objectType: string,
    id: string,
    predicateId: number | undefined,
    { neighbours, related, totals }: AskedRows,
  ): Promise<RecordAtInstant> {
    const keys = this.#keys[partitionOf(id, this.#keys.length)]!;
    const edges = [...neighbours];
    const hashes = [
      ...edges.map(([edgeId, targets]) => [keys.neighbours(edgeId), targets] as const),
      ...related.map((edgeId) => [keys.related(edgeId), [id]] as const),
      ...totals.map((each) => [keys.valueTotals(each), [id]] as const),
    ];
    const isAsked = predicateId !== undefined;
    const found = await runScript(
      this.#redis,
      'readExplained',
      {
        records: keys.records(objectType),
        heads: keys.state(objectType),
        blocks: keys.blocks(objectType),
        members: isAsked ? keys.segment(predicateId) : keys.meta,
      },
      { id, isAsked: isAsked ? 1 : 0 },
      {
        keys: hashes.map(([key]) => key),
        arguments: hashes.flatMap(([, fields]) => [fields.length, ...fields]),
      },
    );
    const rows = found.rows.values();
    const next = () => rows.next().value;
    return {
      record: found.record === '' ? undefined : unpackRecord(found.record),
      state: unpackState(found.state),
      isMember: isAsked ? found.member === 1 : undefined,
      serverMs: found.serverMs,
      neighbours: new Map(
        edges.map(([edgeId, targets]) => [
          edgeId,
          new Map(targets.map((target) => [target, unpackNeighbour(next())])),
        ]),
      ),
      related: new Map(related.map((edgeId) => [edgeId, unpackRelated(next())])),
      totals: new Map(totals.map((each) => [each, Number(next())])),
    };
  }
}
