/**
 * run.ts – Carries a preview out: reads every partition at one commit, one after the other, and
 * evaluates its records.
 *
 * Keeps true: two partitions are held at once, the one that is looked at and the one that comes
 * next. It gives way every few milliseconds, so it stops soon after its signal.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { ObjectType } from '../change/object-type.ts';
import { filterableData, unpackRecord } from '../change/record.ts';
import { recordTitle } from '../change/record-title.ts';
import { packCursor } from '../cursor.ts';
import { type Evaluated, Evaluation, type FoundRecord, type FoundRecords } from './evaluation.ts';
import type { PlannedType, PreviewPlan } from './plan.ts';
import type { Preview, PreviewedRecord, PreviewedRecords, PreviewProgress } from './preview.ts';
import type { PartitionCut, RecordCuts, TypeCut, TypeWish } from './record-cuts.ts';
import { RowScan } from './row-scan.ts';

export interface PreviewRun {
  readonly plan: PreviewPlan;
  /** The moment that it is of. */
  readonly nowMs: number;
  readonly sample: number;
  readonly bytesMax: number;
}

export interface RunContext {
  readonly cuts: RecordCuts;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: PreviewProgress) => void;
}

const SLICE_MS = 5;
/** Rows between two looks at the clock. */
const LOOK_ROWS = 64;
/** Records of a sample that are read at once: each weighs 256 kB at most. */
const TITLES_AT_ONCE = 16;

/** @throws Problem query_too_costly, and whatever aborts the signal */
export async function runPreview(run: PreviewRun, context: RunContext): Promise<Preview> {
  const { plan, nowMs } = run;
  const { cuts, signal, onProgress } = context;
  const evaluation = new Evaluation(plan, nowMs, run);
  const names = plan.types.map(({ type }) => type.name);
  const scans = plan.types.map((planned) => new RowScan(wantedOf(planned, plan.timeZone)));
  const sizes = await cuts.sizes(names);
  const of = sizes.reduce((sum, size) => sum + size, 0);
  const wishes = (): TypeWish[] =>
    names.map((objectType) => ({ objectType, withIds: evaluation.needsIds(objectType) }));
  const pace = new RunPace(signal);
  const commits: (readonly [number: number, nonce: string])[] = [];
  let done = 0;
  let ahead: Promise<PartitionCut> | undefined = cuts.read(0, wishes());
  for (let partition = 0; partition < cuts.partitions; partition++) {
    const cut: PartitionCut = await ahead!;
    signal.throwIfAborted();
    const isLast = partition + 1 === cuts.partitions;
    ahead = isLast ? undefined : cuts.read(partition + 1, wishes());
    ahead?.catch(() => {}); // it is waited for in its turn, unless this one fails
    commits.push([cut.commit.number, cut.commit.nonce]);
    for (const [at, type] of cut.types.entries()) {
      await addAll(evaluation, names[at]!, partition, type, scans[at]!, pace);
      done += type.rows.length;
    }
    onProgress({ done: Math.min(done, of), of });
  }
  const evaluated = await finished(evaluation, pace);
  const { type } = plan.types.find(({ type: each }) => each.name === plan.objectType)!;
  const title = titlesOf(type, plan.timeZone, cuts);
  return previewOf(run, evaluated, packCursor(commits), title);
}

function wantedOf({ type, attributes, edges }: PlannedType, timeZone: string) {
  const declared = attributes.map((name) => [name, type.attributes.get(name)!] as const);
  const keys = [...new Set(edges.map(({ key }) => key))];
  return { attributes: new Map(declared), keys, revision: type.revision, timeZone };
}

/** Whether it is time to give way, and whether the run is still wanted. */
class RunPace {
  readonly #signal: AbortSignal;
  #sinceMs = performance.now();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** @returns undefined if the work may go on at once. @throws what aborts the signal */
  breath(): Promise<void> | undefined {
    return performance.now() - this.#sinceMs < SLICE_MS ? undefined : this.#breathe();
  }

  async #breathe(): Promise<void> {
    await turn();
    this.#signal.throwIfAborted();
    this.#sinceMs = performance.now();
  }
}

async function addAll(
  evaluation: Evaluation,
  objectType: string,
  partition: number,
  { ids, rows }: TypeCut,
  scan: RowScan,
  pace: RunPace,
): Promise<void> {
  for (let at = 0; at < rows.length; at++) {
    const row = scan.read(rows[at]!);
    if (row) evaluation.add(objectType, partition, ids ? ids[at]! : '', row);
    if (at % LOOK_ROWS === 0) await pace.breath();
  }
}

async function finished(evaluation: Evaluation, pace: RunPace): Promise<Evaluated> {
  const ending = evaluation.finish();
  for (;;) {
    const step = ending.next();
    if (step.done) return step.value;
    await pace.breath();
  }
}

type TitledRecords = (found: readonly FoundRecord[]) => Promise<PreviewedRecord[]>;

/** Titles are of the records as they are now: they only say which ones are meant. */
function titlesOf(type: ObjectType, timeZone: string, cuts: RecordCuts): TitledRecords {
  const titleOf = (id: string, row: string | null | undefined): string => {
    if (!row) return id;
    try {
      return recordTitle(type, id, filterableData(unpackRecord(row), type, timeZone));
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
      const rows = await cuts.rows(partition, type.name, some);
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
