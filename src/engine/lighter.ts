/**
 * lighter.ts – Cuts a batch whose stored records weigh too much to be held at once: a batch is
 * bounded by what it brings, and 500 small patches of large records load all of these.
 *
 * Keeps true: of each kind of work what comes first stays, at least one piece of it, so that no
 * kind starves and each goes on; what is left out is met again in the next batch. Backfills are not
 * cut: their chunks are weighed when they are read.
 */
import type { Batch, LogEntry, RecordKey } from './batch.ts';
import type { DueChunk } from './due-sweep.ts';
import type { Edge } from './edges.ts';
import type { FanoutVisit } from './fanouts.ts';
import type { InboxEntry } from './message.ts';

/**
 * Stored records that a batch loads without being cut: more than a chunk of a backfill. All
 * partitions of a process may hold so much at once, and parsed it is several times as large.
 */
export const LOADED_BYTES_MAX = 8 * 1024 * 1024;
/** What each kind of work in a batch that is cut may load; the piece that passes it is the last. */
const KIND_BYTES_MAX = 2 * 1024 * 1024;

type Weigh = (objectType: string, id: string) => number;
type Edges = ReadonlyMap<number, Edge>;

/** What of a turn leads to records. */
interface Work {
  readonly batch: Batch;
  readonly visits: readonly FanoutVisit[];
  readonly untimed?: DueChunk | undefined;
}

export function lighter<W extends Work>(work: W, weigh: Weigh, edges: Edges): W {
  const { batch } = work;
  const ofKey = ({ objectType, id }: RecordKey) => weigh(objectType, id);
  const visits = cutVisits(work.visits, weigh, edges);
  const untimed = work.untimed && cutUntimed(work.untimed, ofKey);
  const cut: Batch = {
    ...batch,
    changesMax: changesWithin(batch, weigh),
    inbox: firstOf(batch.inbox ?? [], (entry) => messageWeight(entry, weigh, edges)),
    due: firstOf(batch.due ?? [], ofKey),
    untimed: untimed?.records ?? [],
    fanouts: visits.map(({ fanout, ids }) => ({ edgeId: fanout.edgeId, ids })),
  };
  return { ...work, batch: cut, visits, untimed };
}

/** Up to the one that passes what they may weigh together. */
function firstOf<T>(items: readonly T[], weightOf: (item: T) => number): readonly T[] {
  let bytes = 0;
  const full = items.findIndex((item) => (bytes += weightOf(item)) > KIND_BYTES_MAX);
  return full < 0 ? items : items.slice(0, full + 1);
}

function changesWithin({ entries, position, changesMax }: Batch, weigh: Weigh): number {
  const left = entries.flatMap(({ changes }: LogEntry, at) =>
    at === 0 ? changes.slice(position.offset) : changes,
  );
  const seen = new Set<string>();
  const within = firstOf(left.slice(0, changesMax), ({ object_type: objectType, id }) => {
    const key = `${objectType}:${id}`;
    if (seen.has(key)) return 0;
    seen.add(key);
    return weigh(objectType, id);
  });
  return Math.max(1, within.length);
}

/** An aggregate is heard by the record that it is of. */
function messageWeight({ messages }: InboxEntry, weigh: Weigh, edges: Edges): number {
  const bytes = messages.map((message) => {
    const edge = message.kind === 'holder-aggregate' ? edges.get(message.edge) : undefined;
    return edge && message.kind === 'holder-aggregate'
      ? weigh(edge.definition.target, message.target)
      : 0;
  });
  return bytes.reduce((sum, each) => sum + each, 0);
}

/** Those that are left out keep their turn. */
function cutVisits(visits: readonly FanoutVisit[], weigh: Weigh, edges: Edges): FanoutVisit[] {
  const flat = visits.flatMap((visit) => visit.ids.map((id) => ({ visit, id })));
  const holderOf = ({ fanout }: FanoutVisit) => edges.get(fanout.edgeId)?.definition.holder ?? '';
  const within = firstOf(flat, ({ visit, id }) => weigh(holderOf(visit), id));
  if (within.length === flat.length) return [...visits];
  return visits.flatMap((visit) => {
    const ids = within.filter((each) => each.visit === visit).map(({ id }) => id);
    const isStretchDone = visit.isStretchDone && ids.length === visit.ids.length;
    return ids.length > 0 ? [{ ...visit, ids, isStretchDone }] : [];
  });
}

/**
 * The scan begins anew: what was dealt with is no longer there, and what was left out is met.
 */
function cutUntimed(chunk: DueChunk, ofKey: (key: RecordKey) => number): DueChunk {
  const records = firstOf(chunk.records, ofKey);
  return records.length === chunk.records.length
    ? chunk
    : { types: [], cursor: '0', records: [...records] };
}
