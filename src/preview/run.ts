/**
 * run.ts – Carries a preview out: has every partition brought to one commit, one after the other,
 * and evaluates its records.
 *
 * Keeps true: two partitions are read at once, the one that is looked at and the one that comes
 * next. It gives way every few milliseconds, so it stops soon after its signal.
 */
import type { ObjectType } from '../change/object-type.ts';
import { filterableData, unpackRecord } from '../change/record.ts';
import { recordTitle } from '../change/record-title.ts';
import { packCursor } from '../cursor.ts';
import type { PagePosition } from '../membership/page.ts';
import { type Evaluated, Evaluation, type FoundRecord, type FoundRecords } from './evaluation.ts';
import type { KeptRecords, PartitionTables, WantedRecords } from './kept-records.ts';
import { RunPace } from './pace.ts';
import type { PlannedType, PreviewPlan } from './plan.ts';
import type { Preview, PreviewedRecord, PreviewedRecords, PreviewProgress } from './preview.ts';
import type { RecordSource } from './record-source.ts';

export interface PreviewRun {
  readonly plan: PreviewPlan;
  /** The moment that it is of. */
  readonly nowMs: number;
  readonly sample: number;
  readonly page?: PagePosition | undefined;
  readonly bytesMax: number;
  /** How long it may take. */
  readonly timeoutMs: number;
}

export interface RunContext {
  readonly records: KeptRecords;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: PreviewProgress) => void;
}

/** Records of a sample that are read at once: each weighs 256 kB at most. */
const TITLES_AT_ONCE = 16;

/** @throws Problem query_too_costly, and whatever aborts the signal */
export async function runPreview(run: PreviewRun, context: RunContext): Promise<Preview> {
  const { plan, nowMs } = run;
  const { records, signal, onProgress } = context;
  const { source } = records;
  const evaluation = new Evaluation(plan, nowMs, run);
  const wanted = plan.types.map((planned) => wantedOf(planned, plan.timeZone));
  const sizes = await source.sizes(wanted.map(({ objectType }) => objectType));
  const of = sizes.reduce((sum, size) => sum + size, 0);
  const pace = new RunPace(signal, run.timeoutMs);
  const commits: (readonly [number: number, nonce: string])[] = [];
  let done = 0;
  const read = (partition: number) => {
    const tables = records.tables(partition, wanted, pace);
    tables.catch(() => {}); // it is waited for in its turn, unless one before it fails
    return tables;
  };
  // Of a type that asks for no neighbours, a page needs no other partitions than its own.
  const isOwn = run.page !== undefined && plan.types.length === 1;
  const first = isOwn ? run.page!.partition : 0;
  let ahead: Promise<PartitionTables> | undefined = read(first);
  for (let partition = first; partition < source.partitions; partition++) {
    const { commit, tables }: PartitionTables = await ahead!;
    signal.throwIfAborted();
    ahead = partition + 1 < source.partitions ? read(partition + 1) : undefined;
    commits.push([commit.number, commit.nonce]);
    for (const { objectType } of wanted) {
      const table = tables.get(objectType)!;
      await carriedOut(evaluation.add(objectType, partition, table), pace);
    }
    done += sizes[partition]!;
    onProgress({ done, of });
    if (isOwn && evaluation.isFull) break;
  }
  const evaluated = await carriedOut(evaluation.finish(), pace);
  const { type } = plan.types.find(({ type: each }) => each.name === plan.objectType)!;
  const title = run.page ? untitled : titlesOf(type, plan.timeZone, source);
  return previewOf(run, evaluated, packCursor(commits), title);
}

function wantedOf({ type, attributes, edges }: PlannedType, timeZone: string): WantedRecords {
  const declared = attributes.map((name) => [name, type.attributes.get(name)!] as const);
  const keys = [...new Set(edges.map(({ key }) => key))];
  const { name: objectType, revision } = type;
  return { objectType, attributes: { attributes: new Map(declared), keys, revision, timeZone } };
}

async function carriedOut<T>(work: Generator<undefined, T>, pace: RunPace): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    await pace.breath();
  }
}

const untitled: TitledRecords = async (found) => found.map(({ id }) => ({ id, title: id }));

type TitledRecords = (found: readonly FoundRecord[]) => Promise<PreviewedRecord[]>;

/** Titles are of the records as they are now: they only say which ones are meant. */
function titlesOf(type: ObjectType, timeZone: string, source: RecordSource): TitledRecords {
  const titleOf = (id: string, row: Buffer | null | undefined): string => {
    if (!row) return id;
    try {
      return recordTitle(type, id, filterableData(unpackRecord(row.toString()), type, timeZone));
    } catch {
      return id; // another program has overwritten the row
    }
  };
  return async (found) => {
    const titled: PreviewedRecord[] = [];
    for (let from = 0; from < found.length; ) {
      const { partition } = found[from]!;
      const some = found
        .slice(from, from + TITLES_AT_ONCE)
        .filter((each) => each.partition === partition)
        .map(({ id }) => id);
      const rows = await source.rows(partition, type.name, some);
      for (const [at, id] of some.entries()) titled.push({ id, title: titleOf(id, rows[at]) });
      from += some.length;
    }
    return titled;
  };
}

async function previewOf(
  { plan, nowMs }: PreviewRun,
  { of, found, added, removed, parts }: Evaluated,
  asOf: string,
  titled: TitledRecords,
): Promise<Preview> {
  const named = async ({ count, first }: FoundRecords): Promise<PreviewedRecords> => ({
    count,
    sample: await titled(first),
  });
  const { count, sample } = await named(found);
  return {
    status: 'ready',
    count,
    of,
    sample,
    ...(added && removed ? { added: await named(added), removed: await named(removed) } : {}),
    ...(parts && plan.parts
      ? { breakdown: plan.parts.map(({ path }, at) => ({ path, count: parts[at]! })) }
      : {}),
    asOf,
    asOfMs: nowMs,
  };
}
