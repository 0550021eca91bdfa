/**
 * explain-store.ts – Reads a record with all that its partition knows of its neighbours, out of
 * Redis.
 *
 * Keeps true: what explain/explain-store.ts promises.
 */
import type { Redis } from 'ioredis';
import { partitionOf } from '../change/partition.ts';
import { unpackRecord } from '../change/record.ts';
import { assert } from '../errors.ts';
import type {
  AskedRows,
  ExplainStore,
  RecentEntry,
  RecentPart,
  RecordAtInstant,
} from '../explain/explain-store.ts';
import type { PartitionKeys } from './keys.ts';
import { readFeed } from './rows/feed-entry.ts';
import { unpackNeighbour, unpackRelated } from './rows/neighbour-row.ts';
import { readField } from './rows/readable.ts';
import { unpackState } from './rows/state-row.ts';
import { runScript } from './scripts.ts';

/** How an entry is packed that has no news of segments. */
const NO_NEWS = '"control":[]';
/** Of a feed, with one call. */
const SEARCHED_BYTES_MAX = 1_000_000;

export class RedisExplainStore implements ExplainStore {
  readonly #redis: Redis;
  readonly #keys: readonly PartitionKeys[];

  constructor(redis: Redis, partitions: readonly PartitionKeys[]) {
    this.#redis = redis;
    this.#keys = partitions;
  }

  async recentFeed(
    id: string,
    before: string | undefined,
    entriesMax: number,
  ): Promise<RecentPart> {
    const keys = this.#keys[partitionOf(id, this.#keys.length)]!;
    const answer = await runScript(this.#redis, 'findTold', keys, {
      before: before === undefined ? '+' : `(${before}`,
      entriesMax,
      bytesMax: SEARCHED_BYTES_MAX,
      named: JSON.stringify(id),
      noNews: NO_NEWS,
    });
    const entries: RecentEntry[] = [];
    for (let at = 1; at < answer.entries.length; at += 2) {
      const { at: clock, control, events } = readFeed(answer.entries[at]!);
      entries.push({ at: clock, control, events: events.filter(([, of]) => of === id) });
    }
    const { looked, bytes, last } = answer;
    return { entries, looked, bytes, last: last === '' ? undefined : last };
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
    const ofType = {
      records: keys.records(objectType),
      heads: keys.state(objectType),
      blocks: keys.blocks(objectType),
    };
    const found = await runScript(
      this.#redis,
      'readExplained',
      { ...ofType, members: isAsked ? keys.segment(predicateId) : keys.meta },
      { id, isAsked: isAsked ? 1 : 0 },
      {
        keys: hashes.map(([key]) => key),
        arguments: hashes.flatMap(([, fields]) => [fields.length, ...fields]),
      },
    );
    const { record, state } = found;
    const rows = found.rows.values();
    const next = <T>(key: string, field: string, unpack: (row: string | undefined) => T): T =>
      readField(key, field, rows.next().value, unpack);
    return {
      record: record === '' ? undefined : readField(ofType.records, id, record, unpackRecord),
      state: readField(ofType.heads, id, state, unpackState),
      isMember: isAsked ? found.member === 1 : undefined,
      serverMs: found.serverMs,
      neighbours: new Map(
        edges.map(([edgeId, targets]) => {
          const key = keys.neighbours(edgeId);
          const read = targets.map((each) => [each, next(key, each, unpackNeighbour)] as const);
          return [edgeId, new Map(read)];
        }),
      ),
      related: new Map(
        related.map((edgeId) => [edgeId, next(keys.related(edgeId), id, unpackRelated)]),
      ),
      totals: new Map(totals.map((each) => [each, next(keys.valueTotals(each), id, readTotal)])),
    };
  }
}

/** How many different values there are; '': none are. */
function readTotal(stored: string | undefined): number {
  const total = Number(stored);
  assert(Number.isInteger(total), 'a total is a whole number');
  return total;
}
