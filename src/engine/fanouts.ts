/**
 * fanouts.ts – The fan-outs of a partition: local holders still to be evaluated because their
 * target has sent something new.
 *
 * Keeps true: a fan-out visits the holders of one target in id order. If the target changes
 * meanwhile it runs to the end, wraps, and stops where it was: each holder is evaluated against the
 * newest state. It survives restarts: its position is part of each commit.
 */
import type { FanoutChunk } from './batch.ts';
import type { CommitDraft } from './commit-draft.ts';
import type { CoreLimits } from './core-limits.ts';
import type { Edge } from './edges.ts';
import { firstWithin } from './lighter.ts';
import type { BatchDraft, Participant, Turn, Weigh } from './participant.ts';
import type { FanoutKey } from './partition-store.ts';
import { type Asking, ask } from './requests.ts';
import { OPERATIONS_MAX, type Step } from './step.ts';

/**
 * Visits ids after `cursor` up to `until` (null: the last one), then from the first one up to
 * `wrapTo` (null: no more).
 */
export interface Fanout {
  readonly edgeId: number;
  readonly target: string;
  readonly cursor: string;
  readonly until: string | null;
  readonly wrapTo: string | null;
  /** The oldest commit whose news some holder has not seen yet: strong reads wait for it. */
  readonly since: number;
  /**
   * The commit with which it was last begun: all older news is seen once the present stretch is
   * done.
   */
  readonly begun: number;
}

/** The changes of one commit: the fan-outs that go on, and those that are done. */
export interface FanoutProgress {
  readonly running: readonly Fanout[];
  readonly done: readonly FanoutKey[];
}

/**
 * One fan-out's part in a batch: the ids that it visits, and whether they are the last ones of its
 * stretch.
 */
export interface FanoutVisit {
  readonly fanout: Fanout;
  readonly ids: readonly string[];
  readonly isStretchDone: boolean;
}

/** Fan-outs that share a batch. */
const FANOUTS_A_BATCH_MAX = 32;

const NO_VISITS: readonly FanoutVisit[] = [];
const NO_PROGRESS: FanoutProgress = { running: [], done: [] };

function nameOf({ edgeId, target }: FanoutKey): string {
  return `${edgeId} ${target}`;
}

export class Fanouts implements Participant {
  readonly #limits: CoreLimits;
  readonly #running = new Map<string, Fanout>();
  /** Fewer holders after a batch that had no room for all, or whose programs took long. */
  #share = 1;
  #isCut = false;
  #visits = NO_VISITS;
  #planned = NO_PROGRESS;

  constructor(limits: CoreLimits) {
    this.#limits = limits;
  }

  /**
   * Reads what the owner before has left, piece by piece: there may be a million of them. Caller:
   * checks afterwards that nobody has committed meanwhile.
   */
  *takeUp(): Asking<void> {
    const most = this.#limits.recoveredFanoutsMax;
    for (let from = 0; ; from += most) {
      const found = yield* ask({ kind: 'fanouts', from, most });
      for (const fanout of found) this.#running.set(nameOf(fanout), fanout);
      if (found.length < most) return;
    }
  }

  get size(): number {
    return this.#running.size;
  }

  begin(): void {
    this.#visits = NO_VISITS;
    this.#planned = NO_PROGRESS;
    this.#isCut = false;
  }

  hasWork({ isHeldBack }: Turn): boolean {
    return !isHeldBack && this.#running.size > 0;
  }

  *work(batch: BatchDraft, { recordsMax }: Turn): Asking<boolean> {
    batch.fanouts = chunksOf(yield* this.visit(recordsMax));
    return true;
  }

  /**
   * The next holders of the fan-outs that run: together no more than a batch has room for, nor than
   * `recordsMax`.
   */
  *visit(recordsMax: number): Asking<readonly FanoutVisit[]> {
    const { fanoutRecordsMax, fanoutRecordsMin } = this.#limits;
    const next = this.next().slice(0, recordsMax);
    const most = Math.min(recordsMax, fanoutRecordsMax * this.#share);
    const visitedMax = Math.max(1, Math.floor(most));
    const share = Math.floor(visitedMax / Math.max(1, next.length));
    const idsMax = Math.max(Math.min(fanoutRecordsMin, visitedMax), share);
    const asked = next.map(({ edgeId, target, cursor, until }) => ({
      edgeId,
      target,
      after: cursor,
      until,
      most: idsMax,
    }));
    const found = yield* ask({ kind: 'holders', asked });
    this.#visits = next.map((fanout, at): FanoutVisit => {
      const ids = found[at]!;
      return { fanout, ids, isStretchDone: ids.length < idsMax };
    });
    return this.#visits;
  }

  /** Those that are left out keep their turn. */
  lighten(batch: BatchDraft, weigh: Weigh, edges: ReadonlyMap<number, Edge>): void {
    const flat = this.#visits.flatMap((visit) => visit.ids.map((id) => ({ visit, id })));
    const within = firstWithin(flat, this.#limits.kindBytesMax, ({ visit, id }) =>
      weigh(edges.get(visit.fanout.edgeId)?.definition.holder ?? '', id),
    );
    if (within.length === flat.length) return;
    this.#visits = firstOf(this.#visits, within.length);
    batch.fanouts = chunksOf(this.#visits);
  }

  /** Holders for which the batch had no room are visited later. */
  plan(writes: CommitDraft, { edges, fanned }: Step, { number, networks }: Turn): void {
    const visits = firstOf(this.#visits, fanned);
    this.#isCut = visits !== this.#visits;
    if (visits.length === 0 && edges.fanouts.length === 0) return;
    const isKept = (edgeId: number) => networks.edges.has(edgeId);
    this.#planned = this.progress(visits, edges.fanouts, number, isKept);
    writes.fanouts = this.#planned.running;
    writes.fanoutsDone = this.#planned.done;
  }

  committed({ operations }: Pick<Step, 'operations'>): void {
    const isTooMuch = this.#isCut || operations > OPERATIONS_MAX;
    const share = isTooMuch ? this.#share / 2 : this.#share * 2;
    this.#share = Math.max(1 / this.#limits.fanoutRecordsMax, Math.min(1, share));
    this.apply(this.#planned);
  }

  /** The ones that are next in turn. */
  next(): Fanout[] {
    const next: Fanout[] = [];
    for (const fanout of this.#running.values()) {
      if (next.length === FANOUTS_A_BATCH_MAX) break;
      next.push(fanout);
    }
    return next;
  }

  /**
   * What a commit makes of the visits, and of the targets that showed something new in it.
   * `isKept`: the edge still exists.
   */
  progress(
    visits: readonly FanoutVisit[],
    begun: readonly FanoutKey[],
    number: number,
    isKept: (edgeId: number) => boolean,
  ): FanoutProgress {
    const changed = new Map<
      string,
      { readonly key: FanoutKey; readonly now?: Fanout | undefined }
    >();
    for (const visit of visits)
      changed.set(nameOf(visit.fanout), { key: visit.fanout, now: afterVisit(visit) });
    for (const key of begun) {
      const before = this.#running.get(nameOf(key));
      const visit = visits.find(({ fanout }) => fanout === before);
      const now = begunAnew(key.edgeId, key.target, before, visit, number);
      changed.set(nameOf(key), { key, now });
    }
    const running: Fanout[] = [];
    const done: FanoutKey[] = [];
    for (const { key, now } of changed.values()) {
      if (now && isKept(now.edgeId)) running.push(now);
      else done.push(key);
    }
    return { running, done };
  }

  /**
   * A fan-out that goes on moves behind the others, so that a large one does not hold up small
   * ones.
   */
  apply({ running, done }: FanoutProgress): void {
    for (const key of done) this.#running.delete(nameOf(key));
    for (const fanout of running) {
      this.#running.delete(nameOf(fanout));
      this.#running.set(nameOf(fanout), fanout);
    }
  }
}

/** The first so many of all ids; a visit without any keeps its turn. The same if these are all. */
function firstOf(visits: readonly FanoutVisit[], most: number): readonly FanoutVisit[] {
  let left = most;
  let isWhole = true;
  const first: FanoutVisit[] = [];
  for (const visit of visits) {
    const { length } = visit.ids;
    if (length <= left) first.push(visit);
    else if (left > 0)
      first.push({ ...visit, ids: visit.ids.slice(0, left), isStretchDone: false });
    isWhole &&= length <= left;
    left = Math.max(0, left - length);
  }
  return isWhole ? visits : first;
}

function chunksOf(visits: readonly FanoutVisit[]): FanoutChunk[] {
  return visits.map(({ fanout: { edgeId }, ids }) => ({ edgeId, ids }));
}

function afterVisit({ fanout, ids, isStretchDone }: FanoutVisit): Fanout | undefined {
  if (!isStretchDone) return { ...fanout, cursor: ids.at(-1) ?? fanout.cursor };
  if (fanout.wrapTo === null) return undefined;
  return { ...fanout, cursor: '', until: fanout.wrapTo, wrapTo: null, since: fanout.begun };
}

/**
 * The visit of this very step saw the new state: only what was visited before it is to be visited
 * again. Older news that some holder has not seen stays on the books until the stretch that brings
 * it is done.
 */
function begunAnew(
  edgeId: number,
  target: string,
  before: Fanout | undefined,
  visit: FanoutVisit | undefined,
  number: number,
): Fanout | undefined {
  const circle = {
    edgeId,
    target,
    cursor: '',
    until: null,
    wrapTo: null,
    since: number,
    begun: number,
  };
  if (!before) return circle;
  const seenTo = before.cursor;
  const begun = before.wrapTo === null ? number : before.begun;
  const isAtEnd = visit?.isStretchDone === true && before.until === null;
  if (isAtEnd) return seenTo === '' ? undefined : { ...circle, until: seenTo, since: begun, begun };
  const cursor = visit?.ids.at(-1) ?? before.cursor;
  return { ...circle, cursor, wrapTo: seenTo === '' ? null : seenTo, since: before.since, begun };
}
