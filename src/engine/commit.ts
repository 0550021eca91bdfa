/**
 * commit.ts – Writes a step down as the commands of one commit script.
 *
 * Keeps true: what a commit writes follows from the step alone; one HSET, SADD or SREM per touched
 * hash or set; every key is named in KEYS; no command has more arguments than Lua can unpack.
 */
import { packOutcomes } from '../change/change.ts';
import { exists, packRecord, type RecordRow, TOMBSTONE_TTL_MS } from '../change/record.ts';
import type { ChannelPosition } from '../membership/channel-position.ts';
import type { NeighbourRow, RelatedRow } from '../membership/neighbour-row.ts';
import type { Failure } from '../query/failure.ts';
import { entered, type Flip, flippedPredicateId } from '../query/network/network.ts';
import { CommitCommands } from '../redis/commit-commands.ts';
import { type PartitionKeys, recordMember } from '../redis/keys.ts';
import { packActivations } from '../redis/rows/activation-entry.ts';
import { packChannelPosition } from '../redis/rows/channel-position.ts';
import { packFeed } from '../redis/rows/feed-entry.ts';
import { packRow } from '../redis/rows/neighbour-row.ts';
import { packState } from '../redis/rows/state-row.ts';
import { type FanoutProgress, fanoutField, packFanout } from './fanouts.ts';
import { INBOX_FIELDS } from './message.ts';
import type { Networks } from './networks.ts';
import type { OutboxEntry } from './outbox.ts';
import type { BuildProgress, PartitionBuilds } from './partition-builds.ts';
import type { Step, TouchedRecord } from './step.ts';

/**
 * A put has at most one line's 1 MB (src/api/routes/changes.ts); a commit carries up to 500
 * records, and Redis takes 1 GB in one.
 */
const RECORD_LENGTH_MAX = 2 * 1024 * 1024;
/** Entries (commits with flips) that a partition's feed keeps. */
const FEED_ENTRIES_MAX = 10_000;
/** Commits whose outcomes are kept for those who wait. */
const OUTCOME_ENTRIES_MAX = 1000;

/**
 * What goes along with the step: fan-outs, and the place of its messages among those sent before.
 */
export interface CommitTraffic {
  readonly fanouts: FanoutProgress;
  readonly outbox: readonly OutboxEntry[];
  /** Per target, up to which sequence its inbox holds what was sent. */
  readonly delivered: readonly (readonly [target: number, sequence: number])[];
  /** Per target to which this owner goes on in an epoch that `meta` does not know of yet. */
  readonly positions: readonly (readonly [target: number, place: ChannelPosition])[];
  readonly resync: {
    readonly set: readonly string[];
    readonly gone: readonly string[];
    readonly forgotten: readonly number[];
  };
}

export interface CommitContext {
  readonly keys: PartitionKeys;
  readonly networks: Networks;
  readonly builds: PartitionBuilds;
  readonly nowMs: number;
}

/** The commands of a commit, in an order that only matters for counts: they come after the sets. */
export function commitCommands(
  step: Step,
  progress: BuildProgress,
  traffic: CommitTraffic,
  context: CommitContext,
): CommitCommands {
  const commands = new CommitCommands(context.keys);
  addRows(commands, step, context);
  addTimers(commands, step, context.keys);
  addMembers(commands, step, progress, context);
  addDropped(commands, progress, context.keys);
  addFailed(commands, progress, context.keys);
  addStreams(commands, step, context);
  addEdges(commands, step, context.keys);
  addTraffic(commands, step, traffic, context.keys);
  addResync(commands, step, traffic, context.keys);
  addMeta(commands, step, progress, context);
  return commands;
}

function addTimers(commands: CommitCommands, { timers }: Step, keys: PartitionKeys): void {
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

interface RowFields {
  readonly records: string[];
  readonly goneRecords: string[];
  readonly states: string[];
  readonly goneStates: string[];
  readonly newIds: (string | number)[];
  readonly goneIds: string[];
}

function addRows(commands: CommitCommands, { records }: Step, context: CommitContext): void {
  const byType = new Map<string, RowFields>();
  for (const touched of records) {
    let fields = byType.get(touched.objectType);
    if (!fields) {
      fields = {
        records: [],
        goneRecords: [],
        states: [],
        goneStates: [],
        newIds: [],
        goneIds: [],
      };
      byType.set(touched.objectType, fields);
    }
    addRecordFields(fields, touched);
    addStateFields(fields, touched, context);
    addTombstone(commands, touched, context.keys);
  }
  for (const [objectType, fields] of byType) {
    commands.add('HSET', context.keys.records(objectType), fields.records);
    commands.add('HDEL', context.keys.records(objectType), fields.goneRecords);
    commands.add('HSET', context.keys.state(objectType), fields.states);
    commands.add('HDEL', context.keys.state(objectType), fields.goneStates);
    commands.add('ZADD', context.keys.ids(objectType), fields.newIds);
    commands.add('ZREM', context.keys.ids(objectType), fields.goneIds);
  }
}

function addRecordFields(fields: RowFields, { id, before, after }: TouchedRecord): void {
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

function addStateFields(
  fields: RowFields,
  { id, before, after }: TouchedRecord,
  { networks }: CommitContext,
): void {
  // A record that goes takes its row along, also if it held nothing but predicate ids that were
  // retired since.
  const isGone = before.record !== undefined && after.record === undefined;
  if (after.truth === before.truth && after.due === before.due && !isGone) return;
  const packed = packState(after, (predicateId) => networks.has(predicateId));
  if (packed === undefined || isGone) fields.goneStates.push(id);
  else fields.states.push(id, packed);
}

function addTombstone(commands: CommitCommands, touched: TouchedRecord, keys: PartitionKeys): void {
  const was = touched.before.record?.deletedAt;
  const is = touched.after.record?.deletedAt;
  if (was === is) return;
  const member = recordMember(touched.objectType, touched.id);
  if (is === undefined) commands.add('ZREM', keys.tombstones, [member]);
  else commands.add('ZADD', keys.tombstones, [is + TOMBSTONE_TTL_MS, member]);
}

/**
 * Counts come from the sets themselves, in the same script, for every predicate id that this
 * partition answers for.
 */
function addMembers(
  commands: CommitCommands,
  { records }: Step,
  { completed }: BuildProgress,
  context: CommitContext,
): void {
  const { keys, builds } = context;
  const entering = new Map<number, string[]>();
  const leaving = new Map<number, string[]>();
  for (const { id, flips } of records) {
    for (const flip of flips) {
      if (context.networks.isShared(flippedPredicateId(flip))) continue;
      const sets = entered(flip) ? entering : leaving;
      const ids = sets.get(flippedPredicateId(flip));
      if (ids) ids.push(id);
      else sets.set(flippedPredicateId(flip), [id]);
    }
  }
  for (const [predicateId, ids] of entering) commands.add('SADD', keys.segment(predicateId), ids);
  for (const [predicateId, ids] of leaving) commands.add('SREM', keys.segment(predicateId), ids);
  const counted = new Set(completed);
  for (const sets of [entering, leaving]) {
    for (const predicateId of sets.keys())
      if (builds.isComplete(predicateId)) counted.add(predicateId);
  }
  commands.add(
    'COUNT',
    keys.counts,
    [...counted].flatMap((predicateId) => [
      predicateId,
      commands.keyIndex(keys.segment(predicateId)),
    ]),
  );
}

function addDropped(
  commands: CommitCommands,
  { dropped }: BuildProgress,
  keys: PartitionKeys,
): void {
  commands.add('HDEL', keys.counts, dropped);
  for (const predicateId of dropped) {
    commands.addWhole('UNLINK', keys.segment(predicateId));
    // If it was the edge id of a relationship: its rows at targets. What lies with the holders is
    // swept (edge-sweep.ts).
    commands.addWhole('UNLINK', keys.related(predicateId));
  }
}

/**
 * After the counts: what has failed has none from now on, whatever else the batch did to its set.
 */
function addFailed(
  commands: CommitCommands,
  { failed, healed }: BuildProgress,
  keys: PartitionKeys,
): void {
  commands.add('HDEL', keys.counts, [...failed.keys()]);
  const reasons = [...failed].flatMap(([predicateId, failure]) => [
    failedField(predicateId),
    JSON.stringify(failure),
  ]);
  commands.add('HSET', keys.meta, reasons);
  commands.add('HDEL', keys.meta, healed.map(failedField));
}

/** The field of a partition's meta that says why a predicate id has failed there. */
function failedField(predicateId: number): string {
  return `failed:${predicateId}`;
}

/** The predicate ids that have failed in a partition, by its meta. */
export function readFailed(meta: ReadonlyMap<string, string>): [number, Failure][] {
  return [...meta].flatMap(([field, value]): [number, Failure][] =>
    field.startsWith('failed:')
      ? [[Number(field.slice('failed:'.length)), JSON.parse(value) as Failure]]
      : [],
  );
}

function addEdges(commands: CommitCommands, { edges }: Step, keys: PartitionKeys): void {
  for (const { edgeId, target, row } of edges.neighbours)
    addEdgeRow(commands, keys.neighbours(edgeId), target, row);
  for (const { edgeId, target, row } of edges.related)
    addEdgeRow(commands, keys.related(edgeId), target, row);
  for (const { edgeId, target, id, holds } of edges.holders) {
    if (holds) commands.add('ZADD', keys.holders(edgeId, target), [0, id]);
    else commands.add('ZREM', keys.holders(edgeId, target), [id]);
  }
  for (const { predicateId, target, id, value } of edges.values) {
    if (value === undefined) commands.add('ZREM', keys.values(predicateId, target), [id]);
    else commands.add('ZADD', keys.values(predicateId, target), [value, id]);
  }
}

function addEdgeRow(
  commands: CommitCommands,
  key: string,
  target: string,
  row: NeighbourRow | RelatedRow | null,
): void {
  if (row) commands.add('HSET', key, [target, packRow(row)]);
  else commands.add('HDEL', key, [target]);
}

/**
 * An outbox entry's id is its sequence, so that what was delivered can be trimmed without knowing
 * more.
 */
function addTraffic(
  commands: CommitCommands,
  step: Step,
  { fanouts, outbox, delivered, positions }: CommitTraffic,
  keys: PartitionKeys,
): void {
  for (const [target, place] of positions)
    commands.add('HSET', keys.meta, [`sent:${target}`, packChannelPosition(place)]);
  const { catalogVersion: version, payload: messages } = INBOX_FIELDS;
  for (const { target, epoch, sequence, catalogVersion, payload } of outbox) {
    commands.addWhole(
      'XADD',
      keys.outbox(target),
      `${sequence}-0`,
      version,
      catalogVersion,
      messages,
      payload,
    );
    commands.add('HSET', keys.meta, [`sent:${target}`, packChannelPosition({ epoch, sequence })]);
  }
  for (const [target, sequence] of delivered) {
    commands.addWhole('XTRIM', keys.outbox(target), 'MINID', `${sequence + 1}-0`);
  }
  for (const fanout of fanouts.running) {
    commands.add('HSET', keys.meta, [
      fanoutField(fanout.edgeId, fanout.target),
      packFanout(fanout),
    ]);
  }
  commands.add('HDEL', keys.meta, fanouts.done);
  if (step.inbox === undefined) return;
  commands.add('HSET', keys.meta, ['inbox', step.inbox]);
  commands.addWhole('XTRIM', keys.inbox, 'MINID', '~', step.inbox);
}

function addResync(
  commands: CommitCommands,
  { resync: { begun, confirmed } }: Step,
  { resync: { set, gone, forgotten } }: CommitTraffic,
  keys: PartitionKeys,
): void {
  commands.add('HSET', keys.meta, set);
  commands.add('HDEL', keys.meta, gone);
  for (const source of [...begun, ...forgotten])
    commands.addWhole('UNLINK', keys.confirmed(source));
  for (const [source, members] of confirmed) {
    if (!forgotten.includes(source)) commands.add('SADD', keys.confirmed(source), [...members]);
  }
}

function addStreams(
  commands: CommitCommands,
  step: Step,
  { keys, networks, nowMs }: CommitContext,
): void {
  const isPublic = (flip: Flip) => !networks.isShared(flippedPredicateId(flip));
  const events = step.records
    .map(({ objectType, id, liveFlips }) => ({
      objectType,
      id,
      liveFlips: liveFlips.filter(isPublic),
    }))
    .filter(({ liveFlips }) => liveFlips.length > 0);
  if (events.length > 0) {
    commands.addWhole(
      'XADD',
      keys.feed,
      'MAXLEN',
      '~',
      FEED_ENTRIES_MAX,
      '*',
      'f',
      packFeed(nowMs, events),
    );
  }
  // what activations are told of stays until it is queued: no MAXLEN
  const told = packActivations(nowMs, networks.version, events, networks.followers);
  if (told.length > 0) commands.addWhole('XADD', keys.activations, '*', ...told);
  if (step.outcomes.length > 0) {
    const rows = step.outcomes.flatMap(({ replyTo, from, total, outcomes }) => [
      replyTo,
      `${from} ${total} ${packOutcomes(outcomes)}`,
    ]);
    commands.addWhole('XADD', keys.outcomes, 'MAXLEN', '~', OUTCOME_ENTRIES_MAX, '*', ...rows);
  }
  for (const { entry, index, code, detail, letter } of step.dead) {
    const fields = [
      'entry',
      entry,
      'index',
      index,
      'code',
      code,
      'detail',
      detail,
      'at',
      nowMs,
      'letter',
      letter,
    ];
    commands.addWhole('XADD', keys.dead, '*', ...fields);
  }
}

function addMeta(
  commands: CommitCommands,
  step: Step,
  { adopted, builds }: BuildProgress,
  { keys, nowMs }: CommitContext,
): void {
  const fields: (string | number)[] = ['clock', nowMs, 'catalog', adopted];
  if (step.position) fields.push('log', step.position.entry, 'offset', step.position.offset);
  const gone: string[] = [];
  for (const [objectType, build] of builds) {
    if (build) fields.push(`backfill:${objectType}`, JSON.stringify(build));
    else gone.push(`backfill:${objectType}`);
  }
  commands.add('HSET', keys.meta, fields);
  commands.add('HDEL', keys.meta, gone);
  if (step.position) commands.addWhole('XTRIM', keys.log, 'MINID', '~', step.position.entry);
}
