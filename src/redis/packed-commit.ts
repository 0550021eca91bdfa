/**
 * packed-commit.ts – A commit of a partition as the commands of one script.
 *
 * Keeps true: what is written follows from the commit's writes alone; one command per touched hash
 * or set; every key is named in KEYS. The order of commands matters in three places: counts come
 * after member sets, what fails after counts, and what is forgotten after what is set.
 */
import { FEED_NEWS } from '../change/cause.ts';
import { packOutcomes } from '../change/change.ts';
import { feedEntryId } from '../change/feed-event.ts';
import { exists, packRecord, type RecordRow } from '../change/record.ts';
import type {
  CommitHeader,
  CommitWrites,
  OutboxEntry,
  PreparedCommit,
} from '../engine/partition-store.ts';
import type { TouchedRecord } from '../engine/step.ts';
import { DEFAULT_LIMITS, type Limits } from '../limits.ts';
import type { NeighbourRow, RelatedRow } from '../membership/neighbour-row.ts';
import { CommitCommands } from './commit-commands.ts';
import { type PartitionKeys, recordMember } from './keys.ts';
import { META_FIELDS, metaWrites } from './partition-meta.ts';
import { packActivations } from './rows/activation-entry.ts';
import { changedField, packChanged } from './rows/changed.ts';
import { countedField, packCounted } from './rows/counted.ts';
import { KEPT_LETTERS, type KeptLetters, packLetter } from './rows/dead-letter.ts';
import { packFailure } from './rows/failed.ts';
import { fanoutMember, packFanout } from './rows/fanout-row.ts';
import { packFeed } from './rows/feed-entry.ts';
import { packFollowed } from './rows/followed.ts';
import { sizeField } from './rows/history-row.ts';
import { packRow } from './rows/neighbour-row.ts';
import { blockField, stateChange } from './rows/state-row.ts';
import { packOutboxEntry } from './rows/stream-entry.ts';
import { packSources, valueField } from './rows/value-row.ts';

/**
 * A put has at most one line's 1 MB (src/api/changes/routes.ts); a commit carries up to 500
 * records, and Redis takes 1 GB in one.
 */
const RECORD_LENGTH_MAX = 2 * 1024 * 1024;
/** What a partition's feed keeps. */
type FeedLimits = Pick<Limits, 'feedEntries' | 'feedDays'>;

/** How much of what others read a commit leaves in its partition. */
export interface CommitBounds {
  readonly letters: KeptLetters;
  readonly feed: FeedLimits;
}

const COMMIT_BOUNDS: CommitBounds = { letters: KEPT_LETTERS, feed: DEFAULT_LIMITS };

/**
 * As long as history has not counted them, a feed keeps more entries than it is to keep; so many
 * times more at most.
 */
const UNFOLDED_FACTOR = 2;
const DAY_MS = 24 * 3_600_000;
/** Commits whose outcomes are kept for those who wait. */
const OUTCOME_ENTRIES_MAX = 1000;
/** Records in one command: Lua can unpack some 8000 values. */
const FORGOTTEN_A_COMMAND = 1000;

/** A commit as it is sent, again and again until it is answered. */
export class PackedCommit implements PreparedCommit {
  readonly number: number;
  readonly keys: readonly string[];
  readonly arguments: readonly (string | number)[];

  /** @throws Error if a record would be too long to be kept */
  constructor(
    keys: PartitionKeys,
    header: CommitHeader,
    writes: CommitWrites,
    { letters, feed }: CommitBounds = COMMIT_BOUNDS,
  ) {
    const { token, before, number, nonce, leaseMs } = header;
    const named = [keys.owner, keys.meta];
    const commands = new CommitCommands(named, [token, before, number, nonce, leaseMs]);
    addRows(commands, writes, keys);
    addMembers(commands, writes, keys);
    addFailures(commands, header, writes, keys);
    addCounted(commands, header, writes, keys);
    addEdges(commands, writes, keys);
    addChannels(commands, writes, keys);
    addFeed(commands, header, writes, keys, feed);
    addReaders(commands, writes, keys);
    addDeadLetters(commands, writes, keys, letters);
    addMeta(commands, header, writes, keys);
    addLoose(commands, keys);
    this.number = number;
    this.keys = commands.keys;
    this.arguments = commands.arguments;
  }
}

/** Of the keys that are written, those that may be removed if they hold something else. */
function addLoose(commands: CommitCommands, keys: PartitionKeys): void {
  const { counted, failed, followed, historySizes, activations, outcomes, auditSamples } = keys;
  const all = [counted, failed, followed, historySizes, activations, outcomes, auditSamples];
  const named = all.filter((key) => commands.names(key)).map((key) => commands.keyIndex(key));
  commands.addWhole('LOOSE', keys.meta, ...named);
}

interface TypeWrites {
  readonly records: string[];
  readonly goneRecords: string[];
  readonly states: string[];
  readonly goneStates: string[];
  readonly blocks: string[];
  readonly goneBlocks: string[];
  readonly newIds: (string | number)[];
  readonly goneIds: string[];
}

function addRows(commands: CommitCommands, writes: CommitWrites, keys: PartitionKeys): void {
  const byType = new Map<string, TypeWrites>();
  for (const touched of writes.records) {
    let fields = byType.get(touched.objectType);
    if (!fields) byType.set(touched.objectType, (fields = noWrites()));
    addRecordFields(fields, touched);
    addStateFields(fields, touched);
  }
  for (const [objectType, fields] of byType) {
    commands.add('HSET', keys.records(objectType), fields.records);
    commands.add('HDEL', keys.records(objectType), fields.goneRecords);
    commands.add('HSET', keys.state(objectType), fields.states);
    commands.add('HDEL', keys.state(objectType), fields.goneStates);
    commands.add('HSET', keys.blocks(objectType), fields.blocks);
    commands.add('HDEL', keys.blocks(objectType), fields.goneBlocks);
    commands.add('ZADD', keys.ids(objectType), fields.newIds);
    commands.add('ZREM', keys.ids(objectType), fields.goneIds);
  }
  for (const { objectType, id, expiresMs } of writes.tombstones)
    addScored(commands, keys.tombstones, expiresMs, recordMember(objectType, id));
  addTimers(commands, writes, keys);
}

function noWrites(): TypeWrites {
  return {
    records: [],
    goneRecords: [],
    states: [],
    goneStates: [],
    blocks: [],
    goneBlocks: [],
    newIds: [],
    goneIds: [],
  };
}

function addRecordFields(fields: TypeWrites, { id, before, after }: TouchedRecord): void {
  if (after.record !== before.record) {
    if (after.record) fields.records.push(id, packedWithin(after.record));
    else fields.goneRecords.push(id);
  }
  if (exists(after.record) && !exists(before.record)) fields.newIds.push(0, id);
  if (!exists(after.record) && exists(before.record)) fields.goneIds.push(id);
}

/**
 * @throws Error if patches have made a record too long: each of them is within its limit, and who
 * adds one goes to the dead letters.
 */
function packedWithin(record: RecordRow): string {
  const packed = packRecord(record);
  if (packed.length <= RECORD_LENGTH_MAX) return packed;
  throw new Error(
    `the record would have ${packed.length} characters, more than ${RECORD_LENGTH_MAX}`,
  );
}

function addStateFields(fields: TypeWrites, { id, before, after }: TouchedRecord): void {
  // A record that goes takes its state along, also if nothing of it can be read any more.
  const isGone = before.record !== undefined && after.record === undefined;
  if (after.truth === before.truth && after.due === before.due && !isGone) return;
  const { head, blocks } = stateChange(before, after);
  if (head === null || isGone) fields.goneStates.push(id);
  else if (head !== undefined) fields.states.push(id, head);
  for (const [number, packed] of blocks) {
    if (packed === null) fields.goneBlocks.push(blockField(number, id));
    else fields.blocks.push(blockField(number, id), packed);
  }
}

function addTimers(commands: CommitCommands, { timers }: CommitWrites, keys: PartitionKeys): void {
  const due: (string | number)[] = [];
  const neverDue: string[] = [];
  for (const timer of timers) {
    const member = recordMember(timer.objectType, timer.id);
    if (timer.due === undefined) neverDue.push(member);
    else due.push(timer.due, member);
  }
  commands.add('ZADD', keys.due, due);
  commands.add('ZREM', keys.due, neverDue);
}

/** A member of a sorted set; without a score it goes. */
function addScored(
  commands: CommitCommands,
  key: string,
  score: number | undefined,
  member: string,
): void {
  if (score === undefined) commands.add('ZREM', key, [member]);
  else commands.add('ZADD', key, [score, member]);
}

/** Counts come from the sets themselves, in the same script. */
function addMembers(commands: CommitCommands, writes: CommitWrites, keys: PartitionKeys): void {
  for (const [predicateId, ids] of writes.entering)
    commands.add('SADD', keys.segment(predicateId), ids);
  for (const [predicateId, ids] of writes.leaving)
    commands.add('SREM', keys.segment(predicateId), ids);
  const counts: number[] = [];
  for (const predicateId of writes.counted)
    counts.push(predicateId, commands.keyIndex(keys.segment(predicateId)));
  commands.add('COUNT', keys.counts, counts);
  commands.add('HDEL', keys.counts, writes.dropped);
  for (const predicateId of writes.dropped) {
    commands.addWhole('UNLINK', keys.segment(predicateId));
    // If it was the id of an edge: its rows at targets. The rows at the holders' side are swept.
    commands.addWhole('UNLINK', keys.related(predicateId));
    // If different values were kept for it: all of them lie in one key each.
    commands.addWhole('UNLINK', keys.valueCounts(predicateId));
    commands.addWhole('UNLINK', keys.valueSources(predicateId));
    commands.addWhole('UNLINK', keys.valueTotals(predicateId));
  }
  if (writes.failed.size > 0) commands.add('HDEL', keys.counts, [...writes.failed.keys()]);
}

/** Of what has failed, readers know by the nonce whether it is what they have read. */
function addFailures(
  commands: CommitCommands,
  { nonce }: CommitHeader,
  { failed, healed }: CommitWrites,
  keys: PartitionKeys,
): void {
  if (failed.size === 0 && healed.length === 0) return;
  const reasons = [...failed].flatMap(([id, failure]) => [id, packFailure(failure)]);
  commands.add('HSET', keys.failed, reasons);
  commands.add('HDEL', keys.failed, healed);
  commands.add('HSET', keys.meta, [META_FIELDS.failures.name, nonce]);
}

/** Each commit takes its place in the rings, so that none before it passes for it. */
function addCounted(
  commands: CommitCommands,
  { number, nonce }: CommitHeader,
  { counted, dropped, failed, records }: CommitWrites,
  keys: PartitionKeys,
): void {
  const packed = packCounted(number, nonce, [...counted, ...dropped, ...failed.keys()]);
  const written: string[] = [];
  for (const { objectType, id, before, after } of records)
    if (after.record !== before.record) written.push(recordMember(objectType, id));
  const changed = packChanged(number, nonce, written);
  const fields = [countedField(number), packed, changedField(number), changed];
  commands.addWhole('HSET', keys.counted, ...fields);
}

function addEdges(commands: CommitCommands, writes: CommitWrites, keys: PartitionKeys): void {
  addEdgeRows(commands, writes.neighbours, (edgeId) => keys.neighbours(edgeId));
  addEdgeRows(commands, writes.related, (edgeId) => keys.related(edgeId));
  for (const { edgeId, target, id, holds } of writes.holders)
    addScored(commands, keys.holders(edgeId, target), holds ? 0 : undefined, id);
  for (const { predicateId, target, id, value } of writes.values)
    addScored(commands, keys.values(predicateId, target), value, id);
  addValues(commands, writes, keys);
  addFanouts(commands, writes, keys);
  for (const { edgeId, target } of writes.forgottenHolders)
    commands.addWhole('UNLINK', keys.holders(edgeId, target));
  for (const { predicateId, target } of writes.forgottenValues)
    commands.addWhole('UNLINK', keys.values(predicateId, target));
  for (const { edgeId, targets } of writes.forgottenNeighbours)
    commands.add('HDEL', keys.neighbours(edgeId), targets);
}

function addFanouts(commands: CommitCommands, writes: CommitWrites, keys: PartitionKeys): void {
  const progress: string[] = [];
  const since: (string | number)[] = [];
  for (const fanout of writes.fanouts) {
    const member = fanoutMember(fanout);
    progress.push(member, packFanout(fanout));
    since.push(fanout.since, member);
  }
  const done = writes.fanoutsDone.map(fanoutMember);
  commands.add('HSET', keys.fanouts, progress);
  commands.add('ZADD', keys.fanoutsSince, since);
  commands.add('HDEL', keys.fanouts, done);
  commands.add('ZREM', keys.fanoutsSince, done);
}

function addValues(commands: CommitCommands, writes: CommitWrites, keys: PartitionKeys): void {
  for (const { predicateId, count, ...at } of writes.valueCounts)
    addField(commands, keys.valueCounts(predicateId), valueField(at), count || null);
  for (const { predicateId, sources, ...at } of writes.valueSources) {
    const packed = sources.length > 0 ? packSources(sources) : null;
    addField(commands, keys.valueSources(predicateId), valueField(at), packed);
  }
  for (const { predicateId, target, total } of writes.valueTotals)
    addField(commands, keys.valueTotals(predicateId), target, total || null);
}

/** A field of a hash; without a value it goes. */
function addField(
  commands: CommitCommands,
  key: string,
  field: string,
  value: string | number | null,
): void {
  if (value === null) commands.add('HDEL', key, [field]);
  else commands.add('HSET', key, [field, value]);
}

/** One command for all rows of an edge that are set, and one for those that go. */
function addEdgeRows(
  commands: CommitCommands,
  rows: readonly {
    readonly edgeId: number;
    readonly target: string;
    readonly row: NeighbourRow | RelatedRow | null;
  }[],
  keyOf: (edgeId: number) => string,
): void {
  const byEdge = new Map<number, { readonly set: string[]; readonly gone: string[] }>();
  for (const { edgeId, target, row } of rows) {
    let fields = byEdge.get(edgeId);
    if (!fields) byEdge.set(edgeId, (fields = { set: [], gone: [] }));
    if (row) fields.set.push(target, packRow(row));
    else fields.gone.push(target);
  }
  for (const [edgeId, { set, gone }] of byEdge) {
    commands.add('HSET', keyOf(edgeId), set);
    commands.add('HDEL', keyOf(edgeId), gone);
  }
}

function addChannels(commands: CommitCommands, writes: CommitWrites, keys: PartitionKeys): void {
  for (const entry of writes.outbox) addOutboxEntry(commands, entry, keys);
  for (const [target, sequence] of writes.delivered)
    commands.addWhole('XTRIM', keys.outbox(target), 'MINID', `${sequence + 1}-0`);
  for (const source of writes.unconfirmed) commands.addWhole('UNLINK', keys.confirmed(source));
  for (const [source, members] of writes.confirmed)
    commands.add('SADD', keys.confirmed(source), [...members]);
}

/**
 * An outbox entry's id is its sequence, so that what was delivered can be trimmed without knowing
 * more.
 */
function addOutboxEntry(commands: CommitCommands, entry: OutboxEntry, keys: PartitionKeys): void {
  const key = keys.outbox(entry.target);
  commands.addWhole('XADD', key, `${entry.sequence}-0`, ...packOutboxEntry(entry));
}

function addFeed(
  commands: CommitCommands,
  { number }: CommitHeader,
  writes: CommitWrites,
  keys: PartitionKeys,
  { feedEntries, feedDays }: FeedLimits,
): void {
  const { feed, followed, clockMs } = writes;
  for (const [feedId, goesBy] of followed)
    addField(commands, keys.followed, String(feedId), goesBy ? packFollowed(goesBy) : null);
  if (!feed) return;
  const id = feedEntryId(clockMs, number);
  const entry = [id, packFeed({ at: clockMs, ...feed }), feed.after];
  const oldest = feedEntryId(Math.max(0, clockMs - feedDays * DAY_MS), 0);
  const kept = [feedEntries, UNFOLDED_FACTOR * feedEntries, oldest];
  commands.addWhole('FEED', keys.feed, ...entry, ...kept);
  // History begins with how many members there are then, and after a run goes on from that.
  const sizes: (string | number)[] = [];
  for (const [kind, feedId] of feed.control) {
    const goesBy = followed.get(feedId);
    if (kind !== FEED_NEWS.segment_deleted && goesBy)
      sizes.push(sizeField(feedId, id), commands.keyIndex(keys.segment(goesBy.predicateId)));
  }
  commands.add('COUNT', keys.historySizes, sizes);
}

/** Streams that others read beside the feed: activations, outcomes. */
function addReaders(commands: CommitCommands, writes: CommitWrites, keys: PartitionKeys): void {
  const { activations, clockMs, catalogVersion, outcomes } = writes;
  const most = ['MAXLEN', '~'] as const;
  // Events for activations stay until they are queued: no MAXLEN.
  const told = packActivations(clockMs, catalogVersion, activations);
  if (told.length > 0) commands.addWhole('XADD', keys.activations, '*', ...told);
  if (outcomes.length > 0) {
    const rows = outcomes.flatMap(({ replyTo, from, total, outcomes: some }) => [
      replyTo,
      `${from} ${total} ${packOutcomes(some)}`,
    ]);
    commands.addWhole('XADD', keys.outcomes, ...most, OUTCOME_ENTRIES_MAX, '*', ...rows);
  }
}

/** Letters of this commit are buried after those of a record that it deletes are forgotten. */
function addDeadLetters(
  commands: CommitCommands,
  { dead, forgotten, clockMs }: CommitWrites,
  keys: PartitionKeys,
  kept: KeptLetters,
): void {
  for (let from = 0; from < forgotten.length; from += FORGOTTEN_A_COMMAND) {
    const some = forgotten.slice(from, from + FORGOTTEN_A_COMMAND);
    const members = some.map(({ objectType, id }) => recordMember(objectType, id));
    commands.addWhole('FORGET', keys.dead, commands.keyIndex(keys.deadIndex), ...members);
    commands.addWhole('HDEL', keys.auditSamples, ...members);
  }
  for (const letter of dead) {
    const record = letter.record ? recordMember(letter.record.objectType, letter.record.id) : '';
    const bounds = [kept.letters, kept.bytes, clockMs - kept.ageMs];
    const about = [commands.keyIndex(keys.deadIndex), record, ...bounds];
    commands.addWhole('BURY', keys.dead, ...about, ...packLetter(letter, clockMs));
  }
}

/**
 * A message is in the memory of its owner, while a fail-over may lose it together with the note
 * that it was delivered. Applied on top it would be known to neither end if the sender has lost it
 * too, and nobody would send it anew. The same of the log is kept: nobody else remembers a change,
 * and to apply one whose entry is lost keeps more than was promised.
 *
 * Streams are trimmed by nodes as far as they are applied: to cut one open takes longer.
 */
function addMeta(
  commands: CommitCommands,
  { number }: CommitHeader,
  writes: CommitWrites,
  keys: PartitionKeys,
): void {
  const { set, gone } = metaWrites(number, writes);
  commands.add('HSET', keys.meta, set);
  commands.add('HDEL', keys.meta, gone);
  if (writes.inbox !== undefined) {
    commands.addWhole('STANDS', keys.inbox, writes.inbox);
    commands.addWhole('XTRIM', keys.inbox, 'MINID', '~', writes.inbox);
  }
  if (writes.position) commands.addWhole('XTRIM', keys.log, 'MINID', '~', writes.position.entry);
}
