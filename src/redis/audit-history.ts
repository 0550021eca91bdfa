/**
 * audit-history.ts – The latest audits, in one hash of the catalog; samples that name a record lie
 * in its partition, so that the commit that deletes the record takes them along.
 *
 * Keeps true: the promises of the port (membership/audit-history.ts).
 */
import type { Redis } from 'ioredis';
import { partitionOf } from '../change/partition.ts';
import type {
  AuditEntry,
  AuditHistory,
  AuditSample,
  AuditVerdict,
} from '../membership/audit-history.ts';
import { pushTo } from '../multimap.ts';
import { type Keys, recordMember } from './keys.ts';

const AUDITS_MAX = 50;
/** Beside the entries by id: an id is longer. */
const VERDICT = 'verdict';

/** An entry as it is stored: without the samples that name records, but with where those lie. */
interface StoredAudit extends AuditEntry {
  readonly partitions: readonly number[];
}

/** By audit, the samples of one record. */
type RecordSamples = Record<string, AuditSample[]>;
/** By record. */
type PartitionSamples = Readonly<Record<string, string>>;

export class RedisAuditHistory implements AuditHistory {
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  async put(entry: AuditEntry, verdict: AuditVerdict | undefined): Promise<void> {
    const { audits } = this.#keys.catalog;
    const { id } = entry;
    await this.#makeRoom();
    const byRecord = new Map<string, AuditSample[]>();
    for (const sample of entry.samples)
      if (sample.of) pushTo(byRecord, recordMember(...sample.of), sample);
    const partitions = new Set<number>();
    for (const [member, samples] of byRecord) {
      const partition = partitionOf(samples[0]!.of![1], this.#keys.partitions.length);
      partitions.add(partition);
      await this.#edit(partition, member, (known) => ({ ...known, [id]: samples }));
    }
    const samples = entry.samples.filter(({ of }) => !of);
    const stored: StoredAudit = { ...entry, samples, partitions: [...partitions] };
    await this.#redis.hset(audits, id, JSON.stringify(stored));
    if (verdict) await this.#redis.hset(audits, VERDICT, JSON.stringify(verdict));
    for (const old of (await this.#stored()).slice(AUDITS_MAX)) await this.#forget(old);
  }

  /** What another program has put there would keep an audit from saying that it has found it. */
  async #makeRoom(): Promise<void> {
    const samples = this.#keys.partitions.map(({ auditSamples }) => auditSamples);
    for (const key of [this.#keys.catalog.audits, ...samples])
      if (!['hash', 'none'].includes(await this.#redis.type(key))) await this.#redis.unlink(key);
  }

  async list(): Promise<AuditEntry[]> {
    const stored = await this.#stored();
    const wanted = new Set(stored.flatMap(({ partitions }) => partitions));
    const known = new Map<number, PartitionSamples>();
    for (const partition of wanted) known.set(partition, await this.#samples(partition));
    return stored.map((each) => whole(each, known));
  }

  async get(id: string): Promise<AuditEntry | undefined> {
    const text = id === VERDICT ? null : await this.#redis.hget(this.#keys.catalog.audits, id);
    if (text === null) return undefined;
    const stored = JSON.parse(text) as StoredAudit;
    const known = new Map<number, PartitionSamples>();
    for (const partition of stored.partitions) known.set(partition, await this.#samples(partition));
    return whole(stored, known);
  }

  async verdict(): Promise<AuditVerdict | undefined> {
    const stored = await this.#redis.hget(this.#keys.catalog.audits, VERDICT);
    return stored === null ? undefined : (JSON.parse(stored) as AuditVerdict);
  }

  /** The newest first. */
  async #stored(): Promise<StoredAudit[]> {
    const { [VERDICT]: _, ...entries } = await this.#redis.hgetall(this.#keys.catalog.audits);
    const all = Object.values(entries).map((text) => JSON.parse(text) as StoredAudit);
    return all.sort((a, b) => b.startedAt - a.startedAt || (a.id < b.id ? 1 : -1));
  }

  async #forget({ id, partitions }: StoredAudit): Promise<void> {
    for (const partition of partitions)
      for (const member of Object.keys(await this.#samples(partition)))
        await this.#edit(partition, member, ({ [id]: _, ...rest }) => rest);
    await this.#redis.hdel(this.#keys.catalog.audits, id);
  }

  #samples(partition: number): Promise<PartitionSamples> {
    return this.#redis.hgetall(this.#keys.partitions[partition]!.auditSamples);
  }

  async #edit(
    partition: number,
    member: string,
    make: (known: RecordSamples) => RecordSamples,
  ): Promise<void> {
    const { auditSamples: key } = this.#keys.partitions[partition]!;
    const stored = await this.#redis.hget(key, member);
    const made = make(stored === null ? {} : (JSON.parse(stored) as RecordSamples));
    if (Object.keys(made).length === 0) await this.#redis.hdel(key, member);
    else await this.#redis.hset(key, member, JSON.stringify(made));
  }
}

function whole(
  { partitions, ...entry }: StoredAudit,
  known: ReadonlyMap<number, PartitionSamples>,
): AuditEntry {
  const named = partitions.flatMap((partition) =>
    Object.values(known.get(partition) ?? {}).flatMap(
      (text) => (JSON.parse(text) as RecordSamples)[entry.id] ?? [],
    ),
  );
  return { ...entry, samples: [...entry.samples, ...named] };
}
