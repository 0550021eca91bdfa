/**
 * fanouts.ts – Which local holders have still to be evaluated because their target has shown
 * something new.
 *
 * Keeps true: a fan-out is a circle over the holders of one target in the order of their ids; when
 * the target shows something new while it runs, it goes on from where it is and once around to
 * there, for what is evaluated is always the state of now. It survives restarts: its place is part
 * of each commit.
 */

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

/** What one commit changes: the fan-outs that go on, and those that are done. */
export interface FanoutProgress {
  readonly running: readonly Fanout[];
  readonly done: readonly string[];
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

export function fanoutField(edgeId: number, target: string): string {
  return `fanout:${edgeId}:${target}`;
}

export function readFanout(field: string, value: string): Fanout {
  const [, edgeId, ...target] = field.split(':');
  return {
    edgeId: Number(edgeId),
    target: target.join(':'),
    ...(JSON.parse(value) as Omit<Fanout, 'edgeId' | 'target'>),
  };
}

export function packFanout({ cursor, until, wrapTo, since, begun }: Fanout): string {
  return JSON.stringify({ cursor, until, wrapTo, since, begun });
}

export class Fanouts {
  readonly #running = new Map<string, Fanout>();

  constructor(running: Iterable<Fanout>) {
    for (const fanout of running)
      this.#running.set(fanoutField(fanout.edgeId, fanout.target), fanout);
  }

  get size(): number {
    return this.#running.size;
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
    begun: readonly { readonly edgeId: number; readonly target: string }[],
    number: number,
    isKept: (edgeId: number) => boolean,
  ): FanoutProgress {
    const changed = new Map<string, Fanout | undefined>();
    for (const visit of visits)
      changed.set(fanoutField(visit.fanout.edgeId, visit.fanout.target), afterVisit(visit));
    for (const { edgeId, target } of begun) {
      const field = fanoutField(edgeId, target);
      const before = this.#running.get(field);
      const visit = visits.find(({ fanout }) => fanout === before);
      changed.set(field, begunAnew(edgeId, target, before, visit, number));
    }
    for (const [field, fanout] of changed)
      if (fanout && !isKept(fanout.edgeId)) changed.set(field, undefined);
    const done = [...changed].filter(([, fanout]) => !fanout).map(([field]) => field);
    return { running: [...changed.values()].filter((fanout) => fanout !== undefined), done };
  }

  /**
   * The commit took place. What goes on moves behind the others, so that a large fan-out does not
   * hold up small ones.
   */
  committed({ running, done }: FanoutProgress): void {
    for (const field of done) this.#running.delete(field);
    for (const fanout of running) {
      const field = fanoutField(fanout.edgeId, fanout.target);
      this.#running.delete(field);
      this.#running.set(field, fanout);
    }
  }
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
