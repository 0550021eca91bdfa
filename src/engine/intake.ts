/**
 * intake.ts – Holds the entries of log and inbox that were read ahead, and decides how many a batch
 * takes.
 *
 * Keeps true: entries are taken in the order of their streams, from where the last commit stands;
 * they leave when a commit has applied them, not before. An entry of the log is parsed only when a
 * batch takes it. Thousands of changes read ahead as objects would outlive several young
 * collections and be copied in each (measured with 16 partitions: a tenth of all time).
 */
import { compareEntries, STREAM_START } from '../change/entry-order.ts';
import { LOG_START, type LogEntry, type LogPosition, readLogEntry } from './batch.ts';
import type { CommitDraft } from './commit-draft.ts';
import type { CoreLimits } from './core-limits.ts';
import type { Edge } from './edges.ts';
import { fewHolders, NO_HOLDERS } from './few-holders.ts';
import { firstWithin } from './lighter.ts';
import { type InboxEntry, type Message, readInboxEntry } from './message.ts';
import type { BatchDraft, Participant, Turn, Weigh } from './participant.ts';
import type {
  EntryId,
  PartitionMeta,
  StoredInboxEntry,
  StoredLogEntry,
} from './partition-store.ts';
import { type Asking, ask } from './requests.ts';
import type { Step } from './step.ts';
import { recordOfMessage } from './step-rows.ts';

interface Queued {
  readonly stored: StoredLogEntry;
  entry?: LogEntry;
}

export class Intake implements Participant {
  readonly isLive = true;
  readonly #limits: CoreLimits;
  #position: LogPosition = LOG_START;
  #inboxPosition: EntryId = STREAM_START;
  #queue: Queued[] = [];
  #queuedBytes = 0;
  #inbox: InboxEntry[] = [];
  /** Entries of the log that the last batch took. */
  #taken = Number.POSITIVE_INFINITY;

  constructor(limits: CoreLimits) {
    this.#limits = limits;
  }

  recover({ position, inbox }: Pick<PartitionMeta, 'position' | 'inbox'>): void {
    this.#position = position;
    this.#inboxPosition = inbox;
  }

  get position(): LogPosition {
    return this.#position;
  }

  get inboxPosition(): EntryId {
    return this.#inboxPosition;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get queuedMessages(): number {
    return this.#inbox.length;
  }

  /** Entries that the last batch took, or that wait, whichever are more: many fill a commit. */
  get pace(): number {
    return Math.max(this.#taken, this.#queue.length);
  }

  addLog(entries: readonly StoredLogEntry[]): void {
    for (const stored of entries) {
      this.#queue.push({ stored });
      this.#queuedBytes += stored.payload.length;
    }
  }

  addInbox(entries: readonly StoredInboxEntry[]): void {
    for (const stored of entries) this.#inbox.push(readInboxEntry(stored));
  }

  hasWork(turn: Turn): boolean {
    return this.#inbox.length > 0 || this.hasChanges(turn);
  }

  hasChanges({ isHeldBack }: Pick<Turn, 'isHeldBack'>): boolean {
    return !isHeldBack && this.#queue.length > 0;
  }

  *work(batch: BatchDraft, { isHeldBack, networks }: Turn): Asking<boolean> {
    batch.inbox = this.#takeMessages();
    batch.entries = isHeldBack ? [] : this.#takeEntries();
    yield* this.catchUp(batch, networks.version);
    if (!isHeldBack) batch.few = yield* fewHolders(batch.inbox, networks.edges, this.#limits);
    return true;
  }

  /** A change was checked, and a message sent, at a catalog version that may be newer than ours. */
  *catchUp({ entries, inbox = [] }: BatchDraft, adopted: number): Asking<void> {
    let version = 0;
    for (const { catalogVersion } of inbox) version = Math.max(version, catalogVersion);
    for (const { checkedAt } of entries) version = Math.max(version, checkedAt);
    if (version > adopted) yield* ask({ kind: 'catalog', version });
  }

  /** The first entry of the inbox that waits, and of the log. */
  get firstMessage(): InboxEntry | undefined {
    return this.#inbox[0];
  }

  get firstLogId(): EntryId | undefined {
    return this.#queue[0]?.stored.id;
  }

  /** Parsed only now, for reading may be what an owner dies under. Caller: there is one. */
  get firstEntry(): LogEntry {
    return entryOf(this.#queue[0]!);
  }

  lighten(batch: BatchDraft, weigh: Weigh, edges: ReadonlyMap<number, Edge>): void {
    const { kindBytesMax } = this.#limits;
    batch.changesMax = changesWithin(batch, weigh, kindBytesMax);
    batch.few = NO_HOLDERS;
    batch.inbox = firstWithin(batch.inbox ?? [], kindBytesMax, ({ messages }) =>
      weightOf(messages, weigh, edges),
    );
  }

  plan(writes: CommitDraft, { position, inbox }: Step): void {
    writes.position = position;
    writes.inbox = inbox;
  }

  /** Drops the entries that were applied. */
  committed({ position, inbox }: Step): void {
    if (inbox !== undefined) {
      this.#inboxPosition = inbox;
      while (this.#inbox[0] && compareEntries(this.#inbox[0].id, inbox) <= 0) this.#inbox.shift();
    }
    if (!position) return;
    this.#position = position;
    while (this.#queue[0] && compareEntries(this.#queue[0].stored.id, position.entry) <= 0)
      this.#queuedBytes -= this.#queue.shift()!.stored.payload.length;
  }

  #takeEntries(): LogEntry[] {
    const { batchRecordsMax, batchBytesMax } = this.#limits;
    const entries: LogEntry[] = [];
    let [records, bytes] = [0, 0];
    for (const queued of this.#queue) {
      const entry = entryOf(queued);
      entries.push(entry);
      records += entry.changes.length;
      bytes += queued.stored.payload.length;
      if (records > batchRecordsMax || bytes > batchBytesMax) break;
    }
    this.#taken = entries.length;
    return entries;
  }

  #takeMessages(): InboxEntry[] {
    const { batchRecordsMax } = this.#limits;
    const entries: InboxEntry[] = [];
    let messages = 0;
    for (const entry of this.#inbox) {
      entries.push(entry);
      messages += entry.messages.length;
      if (messages > batchRecordsMax) break;
    }
    return entries;
  }
}

function entryOf(queued: Queued): LogEntry {
  queued.entry ??= readLogEntry(queued.stored);
  return queued.entry;
}

function changesWithin(
  { entries, position, changesMax }: BatchDraft,
  weigh: Weigh,
  bytesMax: number,
): number {
  const left = entries.flatMap(({ changes }, at) =>
    at === 0 ? changes.slice(position.offset) : changes,
  );
  const seen = new Set<string>();
  const within = firstWithin(
    left.slice(0, changesMax),
    bytesMax,
    ({ object_type: objectType, id }) => {
      const key = `${objectType}:${id}`;
      if (seen.has(key)) return 0;
      seen.add(key);
      return weigh(objectType, id);
    },
  );
  return Math.max(1, within.length);
}

function weightOf(
  messages: readonly Message[],
  weigh: Weigh,
  edges: ReadonlyMap<number, Edge>,
): number {
  let bytes = 0;
  for (const message of messages) {
    const record = recordOfMessage(message, edges);
    if (record) bytes += weigh(record.objectType, record.id);
  }
  return bytes;
}
