/**
 * memory-partition-store.ts – The store of one partition of a simulation: the port over plain maps.
 *
 * Keeps true: a commit, a delivery and the begin of an epoch are atomic; their checks come before
 * their writes, and each check can be switched off. What is read is a copy of what was written. A
 * member that enters a set that holds it, or leaves one that does not, is a failure at once, and so
 * is an entry that does not come after the last one of its stream.
 */

import {
  CAUSE_NAMES,
  type CauseCode,
  FEED_NEWS,
  type FeedNewsCode,
} from '../../src/change/cause.ts';
import { compareEntries, STREAM_START } from '../../src/change/entry-order.ts';
import { enters, feedEntryId, flippedFeedId } from '../../src/change/feed-event.ts';
import type { RecordRow } from '../../src/change/record.ts';
import type { LogPosition } from '../../src/engine/batch.ts';
import type { Fanout } from '../../src/engine/fanouts.ts';
import type { TypeBuild } from '../../src/engine/partition-builds.ts';
import type { FeedEpoch, FeedRun, Followed } from '../../src/engine/partition-feed.ts';
import type * as Port from '../../src/engine/partition-store.ts';
import type { Receipt } from '../../src/engine/resyncs.ts';
import type { DeadLetter, Row, TouchedRecord } from '../../src/engine/step.ts';
import type { Extremes } from '../../src/engine/step-neighbours.ts';
import type { ChannelPosition } from '../../src/membership/channel-position.ts';
import type { NeighbourRow, RelatedRow } from '../../src/membership/neighbour-row.ts';
import type { CommitMark } from '../../src/membership/partition-status.ts';
import type { TargetValue } from '../../src/membership/value-key.ts';
import type { Failure } from '../../src/query/failure.ts';
import { idsIn, predicateIds } from '../../src/query/network/predicate-ids.ts';
import { countedField } from '../../src/redis/rows/counted.ts';
import { CheckFailure } from './check-failure.ts';
import { ALL_GUARDS, type Guards } from './faults.ts';

/** By name, and within it by another one. */
type Nested<Outer, V> = Map<Outer, Map<string, V>>;

interface Stream<Entry> {
  entries: Entry[];
  last: Port.EntryId;
}

/** What a partition holds, but for its lease. */
export interface PartitionContent {
  number: number;
  nonce: string;
  clockMs: number;
  catalogVersion: number;
  position: LogPosition;
  inboxPosition: Port.EntryId;
  holder: string | undefined;
  isDeserted: boolean;
  trial: Port.TrialNote | undefined;
  /** Rows as texts, without their predicates: whoever reads one gets a copy. */
  readonly rows: Nested<string, string>;
  /** By object type and id: the predicates that hold, by block. */
  readonly truths: Nested<string, Map<number, readonly number[]>>;
  readonly members: Map<number, Set<string>>;
  readonly counts: Map<number, number>;
  /** Of the latest commits, by number modulo `COUNTED_RING`: which counts each has changed. */
  readonly counted: Map<number, CommitMark & { readonly changed: readonly number[] }>;
  readonly timers: Map<string, Port.DueRecord>;
  readonly tombstones: Map<string, { objectType: string; id: string; expiresMs: number }>;
  readonly backfills: Map<string, TypeBuild>;
  readonly failed: Map<number, Failure>;
  /** Nonce of the commit that last changed what has failed. */
  failures: string;
  readonly neighbours: Nested<number, string>;
  readonly related: Nested<number, string>;
  /** By edge id or predicate id, and target. */
  readonly holders: Nested<number, Set<string>>;
  readonly values: Nested<number, Map<string, number>>;
  /** By predicate id, and value at a target. */
  readonly valueCounts: Nested<number, TargetValue & { readonly count: number }>;
  readonly valueSources: Nested<number, TargetValue & Port.ValueSources>;
  readonly valueTotals: Nested<number, number>;
  readonly fanouts: Map<string, Fanout>;
  readonly edgeSets: Map<number, number>;
  readonly timedTypes: Set<string>;
  readonly sent: Map<number, ChannelPosition>;
  readonly outboxes: Map<number, { entries: Port.WaitingEntry[]; last: number }>;
  readonly resending: Set<number>;
  readonly receiving: Map<number, Receipt>;
  readonly broken: Set<number>;
  readonly confirmed: Map<number, Set<string>>;
  readonly log: Stream<Port.StoredLogEntry>;
  readonly inbox: Stream<Port.StoredInboxEntry>;
  /** By source: a partition, or the writer of the log. */
  readonly delivered: Map<number | 'writer', ChannelPosition>;
  dead: DeadLetter[];
  readonly feed: (Port.FeedTold & { readonly id: Port.EntryId })[];
  feedEnd: Port.EntryId;
  readonly followed: Map<number, Followed>;
  readonly feedRuns: Map<number, FeedRun>;
  telling: number | undefined;
  feedEpochs: readonly FeedEpoch[];
  /**
   * By feed id, who is a member for a reader who took the members when the feed began with the
   * segment, and goes by the feed since.
   */
  readonly told: Map<number, Set<string>>;
  /** Of the deployment that founded it; undefined: all is lost. */
  readonly install: string | undefined;
}

function nothing(install: PartitionContent['install']): PartitionContent {
  return {
    number: 0,
    nonce: '',
    clockMs: 0,
    catalogVersion: 0,
    position: { entry: '0-0', offset: 0 },
    inboxPosition: '0-0',
    holder: undefined,
    isDeserted: false,
    trial: undefined,
    rows: new Map(),
    truths: new Map(),
    members: new Map(),
    counts: new Map(),
    counted: new Map(),
    timers: new Map(),
    tombstones: new Map(),
    backfills: new Map(),
    failed: new Map(),
    failures: '',
    neighbours: new Map(),
    related: new Map(),
    holders: new Map(),
    values: new Map(),
    valueCounts: new Map(),
    valueSources: new Map(),
    valueTotals: new Map(),
    fanouts: new Map(),
    edgeSets: new Map(),
    timedTypes: new Set(),
    sent: new Map(),
    outboxes: new Map(),
    resending: new Set(),
    receiving: new Map(),
    broken: new Set(),
    confirmed: new Map(),
    log: { entries: [], last: '0-0' },
    inbox: { entries: [], last: '0-0' },
    delivered: new Map(),
    dead: [],
    feed: [],
    feedEnd: STREAM_START,
    followed: new Map(),
    feedRuns: new Map(),
    telling: undefined,
    feedEpochs: [],
    told: new Map(),
    install,
  };
}

/** A row of a record, tombstones included. */
type StoredRow = Row & { readonly record: RecordRow };

interface Prepared extends Port.PreparedCommit {
  readonly header: Port.CommitHeader;
  readonly writes: Port.CommitWrites;
  readonly rows: readonly (string | undefined)[];
}

export interface MemoryStoreOptions {
  readonly guards?: Guards;
  /** Numbers of entries: each larger than all before, whatever was rolled back. */
  readonly nextId?: () => number;
  readonly nowMs?: () => number;
  /** Of the deployment; '' if there is only one. */
  readonly install?: string;
  /** A record whose text is longer can't be kept. */
  readonly recordLengthMax?: number;
}

const MISSING_ROW = 0;

export class MemoryPartitionStore implements Port.PartitionStore {
  /** The token of the owner that holds it. */
  lease: string | undefined;
  #content: PartitionContent;
  readonly #guards: Guards;
  readonly #nextId: () => number;
  readonly #nowMs: () => number;
  readonly #recordLengthMax: number;

  constructor({
    guards = ALL_GUARDS,
    nextId,
    nowMs,
    install,
    recordLengthMax,
  }: MemoryStoreOptions = {}) {
    let ids = 0;
    this.#guards = guards;
    this.#nextId = nextId ?? (() => ++ids);
    this.#nowMs = nowMs ?? (() => 0);
    this.#content = nothing(install ?? '');
    this.#recordLengthMax = recordLengthMax ?? Number.POSITIVE_INFINITY;
  }

  /** For checks: nobody writes to it. */
  get content(): Readonly<PartitionContent> {
    return this.#content;
  }

  /** All that is stored now. */
  remember(): PartitionContent {
    return structuredClone(this.#content);
  }

  /** The partition is as it was: all that came since is lost. */
  rollBack(content: PartitionContent): void {
    this.#content = structuredClone(content);
  }

  /** All is lost, the lease too. */
  wipe(): void {
    this.#content = nothing(undefined);
    this.lease = undefined;
  }

  /**
   * The owner before was not killed by what it tried; `inGoodOrder`: it has even left in good
   * order.
   */
  excuse(inGoodOrder: boolean): void {
    const { trial } = this.#content;
    this.#content.trial = trial && { deaths: trial.deaths };
    if (!inGoodOrder) return;
    this.#content.holder = undefined;
    if (trial && Object.keys(trial.deaths).length > 0) return;
    this.#content.isDeserted = false;
    this.#content.trial = undefined;
  }

  // ── Office ──

  async acquire(token: string, _leaseMs: number, install: string): Promise<Port.Acquisition> {
    if (this.lease !== undefined && this.lease !== token) return { status: 'held', forMs: 1 };
    if (this.#content.install !== install) return { status: 'lost' };
    this.lease = token;
    const content = this.#content;
    if (content.holder !== undefined && content.holder !== token) content.isDeserted = true;
    content.holder = token;
    return { status: 'acquired', meta: await this.readMeta() };
  }

  async renew(token: string): Promise<Port.Renewal> {
    if (this.lease !== undefined && this.lease !== token) return { status: 'fenced' };
    this.lease = token;
    return { status: 'renewed', number: this.#content.number, serverMs: this.#nowMs() };
  }

  async release(token: string): Promise<void> {
    if (this.lease !== token) return;
    this.lease = undefined;
    const content = this.#content;
    content.holder = undefined;
    content.isDeserted = false;
    content.trial = undefined;
  }

  async readMeta(): Promise<Port.PartitionMeta> {
    const { counts, inboxPosition: inbox, ...content } = this.#content;
    return structuredClone({
      number: content.number,
      clockMs: content.clockMs,
      catalogVersion: content.catalogVersion,
      position: content.position,
      inbox,
      sent: content.sent,
      complete: [...counts.keys()],
      backfills: content.backfills,
      failed: content.failed,
      edgeSets: content.edgeSets,
      timedTypes: content.timedTypes,
      resending: content.resending,
      receiving: content.receiving,
      broken: content.broken,
      feedEnd: content.feedEnd,
      followed: content.followed,
      feedRuns: content.feedRuns,
      feedEpochs: content.feedEpochs,
      trial: content.trial,
      isDeserted: content.isDeserted,
    });
  }

  async noteTrial(token: string, note: Port.TrialNote | null): Promise<'noted' | 'fenced'> {
    if (this.lease !== undefined && this.lease !== token) return 'fenced';
    if (note === null) this.#content.isDeserted = false;
    this.#content.trial = note ?? undefined;
    return 'noted';
  }

  // ── Reads ──

  async records(
    asked: readonly Port.RecordsOfType[],
    bytesMax: number,
  ): Promise<Port.LoadedRecords> {
    const named = asked.flatMap(({ objectType, ids }) =>
      ids.map((id) => [objectType, id] as const),
    );
    const texts = named.map(([objectType, id]) => this.#text(objectType, id));
    const bytes = texts.map(weightOf);
    if (bytes.reduce((sum, each) => sum + each, 0) > bytesMax) return { kind: 'heavy', bytes };
    return {
      kind: 'rows',
      rows: named.map(([objectType, id]) => this.#row(objectType, id)),
    };
  }

  async neighbours(edgeId: number, targets: readonly string[]) {
    return copies<NeighbourRow>(this.#content.neighbours.get(edgeId), targets);
  }

  async related(edgeId: number, targets: readonly string[]) {
    return copies<RelatedRow>(this.#content.related.get(edgeId), targets);
  }

  async extremes(predicateId: number, target: string, most: number): Promise<Extremes> {
    const all = [...(this.#content.values.get(predicateId)?.get(target) ?? [])];
    const rising = all.sort(([a, x], [b, y]) => x - y || compareBytes(a, b));
    return { lowest: rising.slice(0, most), highest: rising.reverse().slice(0, most) };
  }

  async valueCounts(predicateId: number, values: readonly TargetValue[]) {
    const counted = this.#content.valueCounts.get(predicateId);
    return values.map((at) => counted?.get(valueName(at))?.count ?? 0);
  }

  async valueSources(predicateId: number, values: readonly TargetValue[]) {
    const sourced = this.#content.valueSources.get(predicateId);
    return values.map((at) => [...(sourced?.get(valueName(at))?.sources ?? [])]);
  }

  async valueTotals(predicateId: number, targets: readonly string[]) {
    const totals = this.#content.valueTotals.get(predicateId);
    return targets.map((target) => totals?.get(target) ?? 0);
  }

  async allValueCounts(predicateId: number): Promise<TargetValue[]> {
    const counted = [...(this.#content.valueCounts.get(predicateId)?.values() ?? [])];
    return counted.map(({ target, value }) => ({ target, value }));
  }

  async allValueSources(predicateId: number) {
    return [...(this.#content.valueSources.get(predicateId)?.values() ?? [])];
  }

  async recordsAfter(
    objectType: string,
    after: string,
    { most, bytesMax }: Port.ChunkLimit,
  ): Promise<Port.RecordChunk> {
    const stored = [...(this.#content.rows.get(objectType) ?? [])];
    const exist = stored.filter(([, text]) => valuesIn(text).record.deletedAt === undefined);
    const ids = idsFrom(
      exist.map(([id]) => id),
      after,
      null,
    );
    const rows = new Map<string, Row | undefined>();
    let bytes = 0;
    for (const id of ids.slice(0, most)) {
      const text = this.#text(objectType, id)!;
      rows.set(id, this.#row(objectType, id));
      bytes += weightOf(text);
      if (bytes > bytesMax) break;
    }
    return { rows, isEnd: ids.length < most && rows.size === ids.length };
  }

  async holdersAfter(
    edgeId: number,
    target: string,
    after: string,
    until: string | null,
    most: number,
  ): Promise<string[]> {
    const holders = this.#content.holders.get(edgeId)?.get(target) ?? [];
    return idsFrom(holders, after, until).slice(0, most);
  }

  async fewHolders(asked: readonly Port.FanoutKey[], most: number) {
    const all = asked.map(({ edgeId, target }) =>
      idsFrom(this.#content.holders.get(edgeId)?.get(target) ?? [], '', null),
    );
    if (!this.#guards.wholeHolders) return all.map((ids) => ids.slice(0, most));
    return all.map((ids) => (ids.length > most ? undefined : ids));
  }

  async fanouts(from: number, most: number): Promise<Fanout[]> {
    const all = [...this.#content.fanouts.values()].sort(
      (a, b) => a.since - b.since || compareBytes(memberOf(a), memberOf(b)),
    );
    return all.slice(from, from + most).map((fanout) => ({ ...fanout }));
  }

  async firstDue(most: number): Promise<Port.DueRecord[]> {
    const all = [...this.#content.timers].sort(
      ([a, { dueMs: x }], [b, { dueMs: y }]) => x - y || compareBytes(a, b),
    );
    return all.slice(0, most).map(([, due]) => ({ ...due }));
  }

  async expiredTombstones(untilMs: number, most: number) {
    const expired = [...this.#content.tombstones].filter(
      ([, { expiresMs }]) => expiresMs <= untilMs,
    );
    expired.sort(([a, x], [b, y]) => x.expiresMs - y.expiresMs || compareBytes(a, b));
    return expired.slice(0, most).map(([, { objectType, id }]) => ({ objectType, id }));
  }

  async walkTimers(cursor: string | undefined, most: number) {
    const { items, cursor: next } = walk(this.#content.timers.keys(), cursor, most);
    const records = items.map((name) => this.#content.timers.get(name)!);
    return { items: records.map(({ objectType, id }) => ({ objectType, id })), cursor: next };
  }

  async walkNeighbourTargets(edgeId: number, cursor: string | undefined, most: number) {
    return walk(this.#content.neighbours.get(edgeId)?.keys() ?? [], cursor, most);
  }

  async someNeighbourTargets(edgeId: number, most: number): Promise<string[]> {
    return [...(this.#content.neighbours.get(edgeId)?.keys() ?? [])].slice(0, most);
  }

  async allNeighbourTargets(edgeId: number): Promise<string[]> {
    return [...(this.#content.neighbours.get(edgeId)?.keys() ?? [])];
  }

  async allRelatedTargets(edgeId: number): Promise<string[]> {
    return [...(this.#content.related.get(edgeId)?.keys() ?? [])];
  }

  async areConfirmed(source: number, members: readonly string[]): Promise<boolean[]> {
    const confirmed = this.#content.confirmed.get(source);
    return members.map((member) => confirmed?.has(member) === true);
  }

  async areMembers(predicateId: number, ids: readonly string[]): Promise<boolean[]> {
    const members = this.#content.members.get(predicateId);
    return ids.map((id) => members?.has(id) === true);
  }

  async walkStrays({ objectType, predicateId, cursor, most }: Port.StrayWalk) {
    const members = this.#content.members.get(predicateId) ?? [];
    const { items, cursor: next } = walk(members, cursor, most);
    const rows = this.#content.rows.get(objectType);
    const isListed = (id: string) => {
      const text = rows?.get(id);
      return text !== undefined && valuesIn(text).record.deletedAt === undefined;
    };
    return { items: items.filter((id) => !isListed(id)), cursor: next };
  }

  async lastEntries() {
    return { log: this.#content.log.last, inbox: this.#content.inbox.last };
  }

  // ── Channels ──

  async outbox(target: number, most = Number.POSITIVE_INFINITY): Promise<Port.WaitingEntry[]> {
    return (this.#content.outboxes.get(target)?.entries ?? []).slice(0, most);
  }

  async channel(source: number): Promise<Port.StoredChannel> {
    const position = this.#content.delivered.get(source) ?? { epoch: 0, sequence: 0 };
    return { position, seen: seenAs(this.#content.delivered.get(source)) };
  }

  async beginEpoch({ source, seen, epoch, sequence }: Port.EpochBegin): Promise<'begun' | 'moved'> {
    if (seenAs(this.#content.delivered.get(source)) !== seen) return 'moved';
    this.#content.delivered.set(source, { epoch, sequence });
    return 'begun';
  }

  async deliver({ source, payload, catalogVersion, ...sent }: Port.Delivery) {
    const answer = this.#take(source, sent);
    if (answer === 'appended')
      this.#append(this.#content.inbox, (id) => ({ id, from: source, catalogVersion, payload }));
    return answer;
  }

  /** A writer appends to the log as partitions do to inboxes. */
  append(sent: ChannelPosition, entry: Omit<Port.StoredLogEntry, 'id'>): Port.DeliveryAnswer {
    const answer = this.#take('writer', { ...sent, base: 0 });
    if (answer === 'appended') this.#append(this.#content.log, (id) => ({ id, ...entry }));
    return answer;
  }

  #take(
    source: number | 'writer',
    { epoch, sequence, base }: ChannelPosition & { readonly base: number },
  ): Port.DeliveryAnswer {
    const known = this.#content.delivered.get(source) ?? { epoch, sequence: 0 };
    // Without the guard owners before and after a take-over are one.
    const isOneEpoch = !this.#guards.epochs && source !== 'writer';
    if (epoch < known.epoch && !isOneEpoch) return 'old';
    const isNewer = epoch > known.epoch && !isOneEpoch;
    const before = Math.max(base, isNewer ? 0 : known.sequence);
    if (this.#guards.lastPlusOne) {
      if (sequence <= before) return 'duplicate';
      if (sequence > before + 1) return 'gap';
    }
    const stored = isOneEpoch ? Math.max(epoch, known.epoch) : epoch;
    this.#content.delivered.set(source, { epoch: stored, sequence });
    return 'appended';
  }

  #append<Entry>(stream: Stream<Entry>, entryOf: (id: Port.EntryId) => Entry): void {
    stream.last = `${this.#nextId()}-0`;
    stream.entries.push(entryOf(stream.last));
  }

  /** Entries after a position. */
  logAfter(position: Port.EntryId): Port.StoredLogEntry[] {
    return after(this.#content.log, position);
  }

  inboxAfter(position: Port.EntryId): Port.StoredInboxEntry[] {
    return after(this.#content.inbox, position);
  }

  // ── Commit ──

  prepare(header: Port.CommitHeader, writes: Port.CommitWrites): Port.PreparedCommit {
    const rows = writes.records.map(({ after: row }) => (row.record ? textOf(row) : undefined));
    const long = rows.find((text) => text !== undefined && text.length > this.#recordLengthMax);
    if (long !== undefined) throw new Error(`the record would have ${long.length} characters`);
    const prepared: Prepared = { number: header.number, header, writes, rows };
    return prepared;
  }

  async commit(prepared: Port.PreparedCommit): Promise<Port.CommitAnswer> {
    const { header, writes, rows } = prepared as Prepared;
    const refusal = this.#refusal(header, writes.inbox);
    if (refusal) return refusal;
    this.#writeMeta(writes);
    this.#writeRecords(writes, rows);
    this.#writeMembers(writes);
    this.#writeCounted(header, writes);
    this.#writeEdges(writes);
    this.#writeChannels(writes);
    this.#writeResyncs(writes);
    this.#writeFeed(header, writes);
    this.#content.dead = this.#content.dead.filter(
      ({ record }) =>
        !writes.forgotten.some(
          ({ objectType, id }) => objectType === record?.objectType && id === record.id,
        ),
    );
    this.#content.dead.push(...writes.dead);
    this.#content.number = header.number;
    this.#content.nonce = header.nonce;
    this.lease ??= header.token;
    return 'ok';
  }

  #refusal(
    { token, before, number, nonce }: Port.CommitHeader,
    inbox: Port.EntryId | undefined,
  ): Port.CommitAnswer | undefined {
    const { number: stored, nonce: storedNonce } = this.#content;
    if (this.#guards.token && this.lease !== undefined && this.lease !== token) return 'fenced';
    if (!this.#guards.commitNumber) return undefined;
    if (stored === number && storedNonce === nonce) return 'duplicate';
    if (stored < before) return 'rolled-back';
    if (stored > before) return 'fenced';
    return inbox === undefined || this.#holds(inbox) ? undefined : 'rolled-back';
  }

  #holds(inbox: Port.EntryId): boolean {
    const { entries } = this.#content.inbox;
    return !this.#guards.inboxStands || entries.some(({ id }) => id === inbox);
  }

  #writeMeta(writes: Port.CommitWrites): void {
    const content = this.#content;
    content.clockMs = writes.clockMs;
    content.catalogVersion = writes.catalogVersion;
    if (writes.position) content.position = writes.position;
    if (writes.inbox !== undefined) content.inboxPosition = writes.inbox;
    if (writes.trial !== undefined) content.trial = writes.trial ?? undefined;
    for (const [type, build] of writes.backfills) setOrDelete(content.backfills, type, build);
    for (const name of writes.timedTypes) content.timedTypes.add(name);
    for (const name of writes.timedTypesDone) content.timedTypes.delete(name);
  }

  #writeRecords(writes: Port.CommitWrites, rows: readonly (string | undefined)[]): void {
    const { rows: stored, timers, tombstones } = this.#content;
    for (const [at, touched] of writes.records.entries()) {
      setOrDelete(within(stored, touched.objectType), touched.id, rows[at]);
      this.#writeTruth(touched);
    }
    for (const { objectType, id, due } of writes.timers) {
      const timer = due === undefined ? undefined : { objectType, id, dueMs: due };
      setOrDelete(timers, `${objectType}:${id}`, timer);
    }
    for (const { objectType, id, expiresMs } of writes.tombstones) {
      const tombstone = expiresMs === undefined ? undefined : { objectType, id, expiresMs };
      setOrDelete(tombstones, `${objectType}:${id}`, tombstone);
    }
  }

  /** Blocks that the row shares with the one before stay as they are stored. */
  #writeTruth({ objectType, id, before, after }: TouchedRecord): void {
    const stored = within(within(this.#content.truths, objectType), id, newTruth);
    const shared = new Set(
      before.truth.blocks.filter((block) => after.truth.blocks.includes(block)),
    );
    for (const block of before.truth.blocks) if (!shared.has(block)) stored.delete(block.number);
    const changed = after.truth.blocks.filter((block) => !shared.has(block));
    for (const block of this.#guards.everyBlock ? changed : changed.slice(0, 1))
      stored.set(block.number, idsIn(block));
  }

  #writeMembers({ entering, leaving, counted, dropped, failed, healed }: Port.CommitWrites): void {
    const { members, counts, related, failed: stored } = this.#content;
    const { valueCounts, valueSources, valueTotals } = this.#content;
    const byPredicate = [members, counts, related, valueCounts, valueSources, valueTotals];
    for (const [predicateId, ids] of entering) this.#flip(predicateId, ids, true);
    for (const [predicateId, ids] of leaving) this.#flip(predicateId, ids, false);
    for (const predicateId of counted) counts.set(predicateId, members.get(predicateId)?.size ?? 0);
    for (const predicateId of dropped) for (const all of byPredicate) all.delete(predicateId);
    for (const [predicateId, failure] of failed) {
      counts.delete(predicateId);
      stored.set(predicateId, failure);
    }
    for (const predicateId of healed) stored.delete(predicateId);
  }

  #writeCounted({ number, nonce }: Port.CommitHeader, writes: Port.CommitWrites): void {
    const { counted, dropped, failed, healed } = writes;
    const changed = [...counted, ...dropped, ...failed.keys()];
    this.#content.counted.set(countedField(number), { number, nonce, changed });
    if (failed.size > 0 || healed.length > 0) this.#content.failures = nonce;
  }

  #writeFeed({ number }: Port.CommitHeader, writes: Port.CommitWrites): void {
    const { clockMs, feed, followed, feedRuns, telling, feedEpochs } = writes;
    const content = this.#content;
    for (const [feedId, goesBy] of followed) setOrDelete(content.followed, feedId, goesBy);
    for (const [run, each] of feedRuns) setOrDelete(content.feedRuns, run, each);
    if (telling !== undefined) content.telling = telling ?? undefined;
    if (feedEpochs) content.feedEpochs = feedEpochs;
    if (!feed) return;
    const id = feedEntryId(clockMs, number);
    const isNext = feed.after === content.feedEnd && compareEntries(content.feedEnd, id) < 0;
    if (!isNext) {
      const claimed = `${id} comes after ${feed.after}, and the feed ends at ${content.feedEnd}`;
      throw new CheckFailure('feed', claimed);
    }
    content.feed.push({ ...feed, id });
    content.feedEnd = id;
    for (const [kind, feedId] of feed.control) this.#tellNews(kind, feedId);
    for (const [, record, cause, flips] of feed.events)
      for (const flip of flips) this.#tell(flippedFeedId(flip), record, enters(flip), cause);
    for (const [kind, feedId] of feed.control)
      if (kind === FEED_NEWS.segment_counted) this.#checkCounted(feedId);
  }

  /** At the end of a run who goes by the feed has the members: history counts these. */
  #checkCounted(feedId: number): void {
    const { told, followed, members } = this.#content;
    const now = members.get(followed.get(feedId)!.predicateId) ?? new Set();
    const has = told.get(feedId) ?? new Set();
    const differing = [...new Set([...now, ...has])].filter((id) => now.has(id) !== has.has(id));
    if (differing.length === 0) return;
    throw new CheckFailure('feed', `${differing} differ at the end of a run of ${feedId}`);
  }

  #tellNews(kind: FeedNewsCode, feedId: number): void {
    const { told, followed, members } = this.#content;
    if (kind === FEED_NEWS.segment_deleted) told.delete(feedId);
    else if (kind === FEED_NEWS.segment_ready)
      told.set(feedId, new Set(members.get(followed.get(feedId)!.predicateId)));
  }

  /** Nothing is told twice, and nothing of a segment that the feed has not begun with. */
  #tell(feedId: number, id: string, isEntering: boolean, cause: CauseCode): void {
    const told = this.#content.told.get(feedId);
    if (!told || told.has(id) === isEntering) {
      const what = `${id} ${isEntering ? 'enters' : 'leaves'} ${feedId} (${CAUSE_NAMES[cause]})`;
      throw new CheckFailure('feed', `${what}, ${told ? 'and is told so once more' : 'too early'}`);
    }
    if (isEntering) told.add(id);
    else told.delete(id);
  }

  #flip(predicateId: number, ids: readonly string[], enters: boolean): void {
    const { members } = this.#content;
    const set = members.get(predicateId) ?? new Set();
    members.set(predicateId, set);
    for (const id of ids) {
      if (set.has(id) === enters) {
        const what = `${enters ? 'enters' : 'leaves'} the members of ${predicateId} once more`;
        throw new CheckFailure('flips', `${id} ${what}`);
      }
      if (enters) set.add(id);
      else set.delete(id);
    }
  }

  #writeEdges(writes: Port.CommitWrites): void {
    const { neighbours, related, holders, values, fanouts, edgeSets } = this.#content;
    for (const { edgeId, target, row } of writes.neighbours)
      setOrDelete(within(neighbours, edgeId), target, row ? JSON.stringify(row) : undefined);
    for (const { edgeId, target, row } of writes.related)
      setOrDelete(within(related, edgeId), target, row ? JSON.stringify(row) : undefined);
    for (const { edgeId, target, id, holds } of writes.holders) {
      const held = within(within(holders, edgeId), target, () => new Set<string>());
      if (holds) held.add(id);
      else held.delete(id);
    }
    for (const { predicateId, target, id, value } of writes.values) {
      const valued = within(within(values, predicateId), target, () => new Map<string, number>());
      setOrDelete(valued, id, value);
    }
    this.#writeValues(writes);
    for (const fanout of writes.fanouts) fanouts.set(memberOf(fanout), fanout);
    for (const done of writes.fanoutsDone) fanouts.delete(memberOf(done));
    for (const [predicateId, edgeId] of writes.edgeSets) edgeSets.set(predicateId, edgeId);
    for (const predicateId of writes.edgeSetsDone) edgeSets.delete(predicateId);
    for (const { edgeId, target } of writes.forgottenHolders) holders.get(edgeId)?.delete(target);
    for (const { predicateId, target } of writes.forgottenValues)
      values.get(predicateId)?.delete(target);
    for (const { edgeId, targets } of writes.forgottenNeighbours)
      for (const target of targets) neighbours.get(edgeId)?.delete(target);
  }

  #writeValues(writes: Port.CommitWrites): void {
    const { valueCounts, valueSources, valueTotals } = this.#content;
    for (const { predicateId, target, value, count } of writes.valueCounts) {
      const counted = count > 0 ? { target, value, count } : undefined;
      setOrDelete(within(valueCounts, predicateId), valueName({ target, value }), counted);
    }
    for (const { predicateId, target, value, sources } of writes.valueSources) {
      const sourced = sources.length > 0 ? { target, value, sources } : undefined;
      setOrDelete(within(valueSources, predicateId), valueName({ target, value }), sourced);
    }
    for (const { predicateId, target, total } of writes.valueTotals)
      setOrDelete(within(valueTotals, predicateId), target, total || undefined);
  }

  #writeChannels({ channels, outbox, delivered }: Port.CommitWrites): void {
    const { sent, outboxes } = this.#content;
    for (const [target, position] of channels) sent.set(target, position);
    for (const { target, epoch, sequence, catalogVersion, payload } of outbox) {
      const waiting = outboxes.get(target) ?? { entries: [], last: 0 };
      if (sequence <= waiting.last) {
        const what = `the outbox for ${target} holds ${waiting.last}, and ${sequence} is added`;
        throw new CheckFailure('entries grow', what);
      }
      waiting.entries.push({ sequence, catalogVersion, payload });
      outboxes.set(target, { entries: waiting.entries, last: sequence });
      sent.set(target, { epoch, sequence });
    }
    for (const [target, sequence] of delivered) {
      const waiting = outboxes.get(target);
      if (waiting) waiting.entries = waiting.entries.filter((entry) => entry.sequence > sequence);
    }
  }

  #writeResyncs(writes: Port.CommitWrites): void {
    const { resending, receiving, broken, confirmed } = this.#content;
    for (const target of writes.resending) resending.add(target);
    for (const target of writes.resendingDone) resending.delete(target);
    for (const [source, receipt] of writes.receiving) receiving.set(source, receipt);
    for (const source of writes.receivingDone) receiving.delete(source);
    for (const source of writes.broken) broken.add(source);
    for (const source of writes.brokenDone) broken.delete(source);
    for (const source of writes.unconfirmed) confirmed.delete(source);
    for (const [source, members] of writes.confirmed)
      confirmed.set(source, new Set([...(confirmed.get(source) ?? []), ...members]));
  }

  #text(objectType: string, id: string): string | undefined {
    return this.#content.rows.get(objectType)?.get(id);
  }

  #row(objectType: string, id: string): StoredRow | undefined {
    const text = this.#text(objectType, id);
    if (text === undefined) return undefined;
    const blocks = this.#content.truths.get(objectType)?.get(id) ?? newTruth();
    const ids = [...blocks.values()].flat().sort((a, b) => a - b);
    const { record, due } = valuesIn(text);
    return { record, truth: predicateIds(ids), due };
  }

  /** The rows of all records of a type, tombstones included. */
  *rowsOf(objectType: string): Iterable<[id: string, row: StoredRow]> {
    for (const id of this.#content.rows.get(objectType)?.keys() ?? [])
      yield [id, this.#row(objectType, id)!];
  }
}

function memberOf({ edgeId, target }: Port.FanoutKey): string {
  return `${edgeId}:${target}`;
}

function valueName({ target, value }: TargetValue): string {
  return `${value}\n${target}`;
}

function textOf({ record, due }: Row): string {
  return JSON.stringify({ record, due });
}

function newTruth(): Map<number, readonly number[]> {
  return new Map();
}

function weightOf(text: string | undefined): number {
  return text === undefined ? MISSING_ROW : Buffer.byteLength(text);
}

/** As Redis orders members: by their bytes. A pair of surrogates comes after all single units. */
function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (x === y) continue;
    return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1;
  }
  return a.length - b.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xe000;
}

function valuesIn(text: string): { readonly record: RecordRow; readonly due?: number } {
  return JSON.parse(text);
}

function seenAs(position: ChannelPosition | undefined): string {
  return position ? `${position.epoch} ${position.sequence}` : '';
}

function copies<R>(
  rows: ReadonlyMap<string, string> | undefined,
  targets: readonly string[],
): (R | undefined)[] {
  return targets.map((target) => {
    const text = rows?.get(target);
    return text === undefined ? undefined : (JSON.parse(text) as R);
  });
}

function after<Entry extends { readonly id: Port.EntryId }>(
  { entries, last }: Stream<Entry>,
  position: Port.EntryId,
): Entry[] {
  return last === position ? [] : entries.filter(({ id }) => numberOf(id) > numberOf(position));
}

/** Entries are numbered on: nothing comes after the dash but 0. */
function numberOf(id: Port.EntryId): number {
  return Number(id.slice(0, -2));
}

function idsFrom(ids: Iterable<string>, from: string, until: string | null): string[] {
  const isWithin = (id: string) =>
    compareBytes(id, from) > 0 && (until === null || compareBytes(id, until) <= 0);
  return [...ids].filter(isWithin).sort(compareBytes);
}

/** The cursor is the last name that was answered. */
function walk(
  names: Iterable<string>,
  cursor: string | undefined,
  most: number,
): Port.Walk<string> {
  const left = [...names].sort().filter((name) => cursor === undefined || name > cursor);
  const items = left.slice(0, most);
  return { items, cursor: items.length < left.length ? items.at(-1) : undefined };
}

function setOrDelete<K, V>(all: Map<K, V>, key: K, value: V | undefined): void {
  if (value === undefined) all.delete(key);
  else all.set(key, value);
}

function within<K, V>(all: Map<K, V>, key: K, make: () => V = () => new Map() as V): V {
  let value = all.get(key);
  if (value === undefined) all.set(key, (value = make()));
  return value;
}
