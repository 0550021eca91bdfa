/**
 * partition-meta.ts – The fields of a partition's `meta`: each one's name, how it is read, and how
 * a commit writes it.
 *
 * Keeps true: `readMeta` reads back what `metaWrites` wrote. No other TypeScript names a field of
 * `meta`; Lua names some as literals, and a test compares these with this table. A field whose name
 * ends in a colon is a family: one field for each partition, type or predicate. None grows with the
 * data, so a take-over may read all of `meta`.
 */
import { STREAM_START } from '../change/entry-order.ts';
import { feedEntryId } from '../change/feed-event.ts';
import type { TypeBuild } from '../engine/partition-builds.ts';
import type { FeedRun, Followed } from '../engine/partition-feed.ts';
import type { CommitWrites, PartitionMeta, TrialNote } from '../engine/partition-store.ts';
import type { Receipt } from '../engine/resyncs.ts';
import type { ChannelPosition } from '../membership/channel-position.ts';
import type { Failure } from '../query/failure.ts';
import { packChannelPosition, readChannelPosition } from './rows/channel-position.ts';

export interface MetaField {
  readonly name: string;
  /** Of a family: what is added to the name. */
  readonly of?: string;
  readonly holds: string;
  /** Its name in an older stored format. */
  readonly formerly?: string;
}

export const META_FIELDS = {
  install: { name: 'install', holds: 'install id of the deployment that the partition is of' },
  number: { name: 'number', holds: 'number of the last commit' },
  nonce: { name: 'nonce', holds: 'nonce of the last commit' },
  holder: { name: 'holder', holds: 'token of the owner, until it leaves in good order' },
  deserted: { name: 'deserted', holds: 'token of an owner that left without a word' },
  trial: {
    name: 'trial',
    holds: 'JSON: what the owner is trying, and what owners died under',
    formerly: 'care',
  },
  log: { name: 'log', holds: 'last entry of the log that was applied as a whole' },
  offset: { name: 'offset', holds: 'changes of the entry after it that were applied' },
  inbox: { name: 'inbox', holds: 'last entry of the inbox that was applied' },
  clock: { name: 'clock', holds: 'the latest clock of a commit, in ms; it never runs backwards' },
  catalog: { name: 'catalog', holds: 'version of the catalog that the partition is at' },
  sent: { name: 'sent:', of: 'target', holds: '`epoch sequence` of the last message to it' },
  backfill: {
    name: 'backfill:',
    of: 'type',
    holds: 'JSON: the backfill that runs, and what waits for one',
    formerly: 'scan:',
  },
  failures: { name: 'failures', holds: 'nonce of the commit that last changed what has failed' },
  edgeSets: {
    name: 'sets:',
    of: 'predicate id',
    holds: 'id of its edge: it may have sets of holders or of values',
  },
  timedType: { name: 'timed:', of: 'type', holds: '1: records of the type may be in `due`' },
  resending: {
    name: 'resending:',
    of: 'target',
    holds: 'all state is being sent to it anew',
    formerly: 'resync:',
  },
  receiving: {
    name: 'receiving:',
    of: 'source',
    holds: '`receiving` its state, or `sweeping` what it left out',
    formerly: 'resyncing:',
  },
  feed: { name: 'feed', holds: 'id of the last entry of the feed' },
  historyFolded: { name: 'history-folded', holds: 'the last entry of the feed that is folded' },
  feedTrimmed: { name: 'feed-trimmed', holds: 'id of the last entry that the feed has lost' },
  feedEpochs: {
    name: 'feed-epochs',
    holds: 'JSON: epoch, and the entry that the partition was rolled back to',
  },
  feedRun: {
    name: 'feed-run:',
    of: 'number',
    holds: 'JSON: how far the differences of a switch are told',
  },
  telling: { name: 'telling', holds: 'lowest version of a switch that is still being told' },
  broken: { name: 'broken:', of: 'source', holds: 'a message of it could not be applied' },
} as const satisfies Readonly<Record<string, MetaField>>;

const F = META_FIELDS;

/** All fields of one `meta`, the predicates that have counts there, and those that have failed. */
export function readMeta(
  flat: readonly string[],
  complete: readonly number[],
  failed: ReadonlyMap<number, Failure>,
  followed: ReadonlyMap<number, Followed>,
): PartitionMeta {
  const plain = new Map<string, string>();
  const sent = new Map<number, ChannelPosition>();
  const backfills = new Map<string, TypeBuild>();
  const edgeSets = new Map<number, number>();
  const timedTypes = new Set<string>();
  const resending = new Set<number>();
  const receiving = new Map<number, Receipt>();
  const broken = new Set<number>();
  const feedRuns = new Map<number, FeedRun>();
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const [field, value] = [flat[at]!, flat[at + 1]!];
    const start = field.indexOf(':') + 1;
    const of = field.slice(start);
    switch (field.slice(0, start)) {
      case F.sent.name:
        sent.set(Number(of), readChannelPosition(value));
        break;
      case F.backfill.name:
        backfills.set(of, readBackfill(value));
        break;
      case F.edgeSets.name:
        edgeSets.set(Number(of), Number(value));
        break;
      case F.timedType.name:
        timedTypes.add(of);
        break;
      case F.resending.name:
        resending.add(Number(of));
        break;
      case F.receiving.name:
        receiving.set(Number(of), value as Receipt);
        break;
      case F.broken.name:
        broken.add(Number(of));
        break;
      case F.feedRun.name:
        feedRuns.set(Number(of), JSON.parse(value) as FeedRun);
        break;
      default:
        plain.set(field, value);
    }
  }
  const number = ({ name }: MetaField) => Number(plain.get(name) ?? 0);
  const trial = plain.get(F.trial.name);
  const epochs = JSON.parse(plain.get(F.feedEpochs.name) ?? '[]') as [number, string][];
  return {
    number: number(F.number),
    clockMs: number(F.clock),
    catalogVersion: number(F.catalog),
    position: { entry: plain.get(F.log.name) ?? STREAM_START, offset: number(F.offset) },
    inbox: plain.get(F.inbox.name) ?? STREAM_START,
    sent,
    complete,
    backfills,
    failed,
    edgeSets,
    timedTypes,
    resending,
    receiving,
    broken,
    feedEnd: plain.get(F.feed.name) ?? STREAM_START,
    followed,
    feedRuns,
    feedEpochs: epochs.map(([epoch, at]) => ({ epoch, at })),
    trial: trial === undefined ? undefined : (JSON.parse(trial) as TrialNote),
    isDeserted: plain.has(F.deserted.name),
  };
}

/** The field of a type's backfill, for those who read nothing else. */
export function backfillField(objectType: string): string {
  return F.backfill.name + objectType;
}

export function readBackfill(value: string): TypeBuild {
  return JSON.parse(value) as TypeBuild;
}

/** @returns what a field of a family is of; undefined: it is another field. */
export function partOf(family: MetaField, field: string): string | undefined {
  return field.startsWith(family.name) ? field.slice(family.name.length) : undefined;
}

/** The stored form of a note on a trial. */
export function packTrial(note: TrialNote): string {
  return JSON.stringify(note);
}

/** The writes of a commit to `meta`: fields and values in turn; and fields that go, after that. */
export interface MetaWrites {
  readonly set: (string | number)[];
  readonly gone: string[];
}

/** All but number and nonce, which the commit script itself writes last. */
export function metaWrites(number: number, writes: CommitWrites): MetaWrites {
  const { clockMs, catalogVersion, position, inbox, feed, trial } = writes;
  const set: (string | number)[] = [F.clock.name, clockMs, F.catalog.name, catalogVersion];
  const gone: string[] = [];
  if (position) set.push(F.log.name, position.entry, F.offset.name, position.offset);
  if (inbox !== undefined) set.push(F.inbox.name, inbox);
  if (feed) set.push(F.feed.name, feedEntryId(clockMs, number));
  addFeed(set, gone, writes);
  addBuilds(set, gone, writes);
  addChannels(set, gone, writes);
  for (const [id, edgeId] of writes.edgeSets) set.push(F.edgeSets.name + id, edgeId);
  for (const id of writes.edgeSetsDone) gone.push(F.edgeSets.name + id);
  for (const objectType of writes.timedTypes) set.push(F.timedType.name + objectType, 1);
  for (const objectType of writes.timedTypesDone) gone.push(F.timedType.name + objectType);
  if (trial) set.push(F.trial.name, packTrial(trial));
  if (trial === null) gone.push(F.trial.name);
  return { set, gone };
}

function addFeed(set: (string | number)[], gone: string[], writes: CommitWrites): void {
  const { feedRuns, feedEpochs, telling } = writes;
  for (const [number, run] of feedRuns) {
    if (run) set.push(F.feedRun.name + number, JSON.stringify(run));
    else gone.push(F.feedRun.name + number);
  }
  if (telling === null) gone.push(F.telling.name);
  else if (telling !== undefined) set.push(F.telling.name, telling);
  if (feedEpochs)
    set.push(F.feedEpochs.name, JSON.stringify(feedEpochs.map(({ epoch, at }) => [epoch, at])));
}

function addBuilds(set: (string | number)[], gone: string[], writes: CommitWrites): void {
  for (const [objectType, build] of writes.backfills) {
    if (build) set.push(backfillField(objectType), JSON.stringify(build));
    else gone.push(backfillField(objectType));
  }
}

/** A channel that begins an epoch and sends in the same commit stands where it has sent. */
function addChannels(set: (string | number)[], gone: string[], writes: CommitWrites): void {
  for (const [target, position] of writes.channels)
    set.push(F.sent.name + target, packChannelPosition(position));
  for (const entry of writes.outbox)
    set.push(F.sent.name + entry.target, packChannelPosition(entry));
  for (const target of writes.resending) set.push(F.resending.name + target, 'sending');
  for (const target of writes.resendingDone) gone.push(F.resending.name + target);
  for (const [source, receipt] of writes.receiving) set.push(F.receiving.name + source, receipt);
  for (const source of writes.receivingDone) gone.push(F.receiving.name + source);
  for (const source of writes.broken) set.push(F.broken.name + source, 'broken');
  for (const source of writes.brokenDone) gone.push(F.broken.name + source);
}
