/**
 * care.ts – Tries again, each piece alone, all that may be at fault after a batch has thrown or its
 * owner has died.
 *
 * Keeps true: a piece is noted in the partition's meta before it is tried, and the note goes with
 * the commit of the piece. So an owner that dies leaves the name of the piece that it died under,
 * and the death counts against no other. A piece is set aside after FAULTS_MAX failures: the one
 * that began this, whose batch held it, and those under which it was alone. A piece that is under
 * suspicion already is alone in its whole process (`Solo`), so that a neighbour's death is not
 * taken for its own. In normal life nothing is noted. An owner that ends in good order takes its
 * name out of meta; one that finds another's name there knows that the other did not.
 */
import { compareEntries } from '../change/entry-order.ts';
import type { RecordKey } from './batch.ts';
import type { FanoutVisit } from './fanouts.ts';
import type { BackfillRequest } from './partition-builds.ts';
import type { TrialNote } from './partition-store.ts';
import type { Resend, ResyncChunk, Sweep } from './resyncs.ts';

/** Failures after which a piece is set aside, the one in company included. */
const FAULTS_MAX = 3;
/** Changes under no suspicion that are tried together. */
const CHANGES_TOGETHER = 8;

/**
 * The least that can be at fault. Of an entry of the log it is one change; of a backfill or a
 * fan-out one record.
 */
export type Piece =
  | { readonly kind: 'message'; readonly entry: string }
  /** `count` of them together, or as many as the entry has: one alone if it is under suspicion. */
  | {
      readonly kind: 'change';
      readonly entry: string;
      readonly index: number;
      readonly count: number;
    }
  | { readonly kind: 'fanout'; readonly visit: FanoutVisit }
  /** `taken`: the records that were found due with it. */
  | { readonly kind: 'due'; readonly record: RecordKey; readonly taken: readonly RecordKey[] }
  | {
      readonly kind: 'backfill';
      readonly request: BackfillRequest;
      readonly ids: readonly string[];
    }
  | { readonly kind: 'resync'; readonly chunk: ResyncChunk };

/**
 * Names a piece, the same in the next process. `predicateId`: of a backfill, one of the predicates
 * that are evaluated.
 */
export function pieceName(piece: Piece, predicateId?: number): string {
  return JSON.stringify([
    piece.kind,
    ...nameParts(piece),
    ...(predicateId === undefined ? [] : [predicateId]),
  ]);
}

/** Of all that are tried together. */
export function pieceNames(piece: Piece): string[] {
  if (piece.kind !== 'change') return [pieceName(piece)];
  return Array.from({ length: piece.count }, (_, at) =>
    pieceName({ ...piece, index: piece.index + at }),
  );
}

function nameParts(piece: Piece): unknown[] {
  switch (piece.kind) {
    case 'message':
      return [piece.entry];
    case 'change':
      return [piece.entry, piece.index];
    case 'fanout':
      return [piece.visit.fanout.edgeId, piece.visit.fanout.target, piece.visit.ids[0] ?? ''];
    case 'due':
      return [piece.record.objectType, piece.record.id];
    case 'backfill':
      return [piece.request.objectType, piece.ids[0] ?? ''];
    case 'resync':
      return resyncParts(piece.chunk);
  }
}

function resyncParts({ resends, sweeps }: ResyncChunk): unknown[] {
  const [resend] = resends;
  if (resend) {
    const { to, edgeId, direction } = resend;
    return ['send', to, edgeId, direction, ...firstOf(resend)];
  }
  const [sweep] = sweeps;
  return sweep ? ['sweep', sweep.from, sweep.edgeId, ...firstOf(sweep)] : [];
}

/** Identifies a chunk among those of its kind. */
function firstOf(chunk: Resend | Sweep): unknown[] {
  if (!('values' in chunk)) return [chunk.targets[0] ?? ''];
  const [first] = chunk.values;
  return [chunk.predicateId, first?.target ?? '', first?.value ?? ''];
}

interface BatchFault {
  count: number;
  /** The error that it threw last; undefined: the process died. */
  detail?: string;
}

/** The last entries that may be at fault, of both streams. */
export interface CareEnds {
  readonly log: string;
  readonly inbox: string;
}

/** How many pieces of each kind may have been in one batch. */
export type CareLimits = Readonly<Record<Exclude<Piece['kind'], 'message'>, number>>;

export class Care {
  readonly #ends: { -readonly [Stream in keyof CareEnds]: CareEnds[Stream] };
  readonly #faults = new Map<string, BatchFault>();
  readonly #left: Record<Exclude<Piece['kind'], 'message'>, number>;

  constructor(ends: CareEnds, limits: CareLimits, deaths: ReadonlyMap<string, number> = new Map()) {
    this.#ends = { ...ends };
    this.#left = { ...limits };
    for (const [name, count] of deaths) this.#faults.set(name, { count });
  }

  /** Whether entries up to `position` leave some behind that may be at fault. */
  has(stream: 'log' | 'inbox', position: string): boolean {
    if (stream === 'log' && this.#left.change <= 0) return false;
    return compareEntries(position, this.#ends[stream]) < 0;
  }

  /** A piece that is not there any more is not waited for: a fail-over has lost it. */
  shorten(ends: CareEnds): void {
    for (const stream of ['log', 'inbox'] as const)
      if (compareEntries(ends[stream], this.#ends[stream]) < 0) this.#ends[stream] = ends[stream];
  }

  covers(stream: 'log' | 'inbox', entry: string): boolean {
    return compareEntries(entry, this.#ends[stream]) <= 0;
  }

  left(kind: Exclude<Piece['kind'], 'message'>): boolean {
    return this.#left[kind] > 0;
  }

  /** Whether it has failed before, alone or with those that were tried together with it. */
  isSuspect(name: string): boolean {
    return this.#faults.has(name);
  }

  /**
   * The next changes of an entry: those under no suspicion a few together, for thousands of commits
   * take their time.
   */
  changesFrom(entry: string, index: number): Piece {
    let count = 1;
    const isSuspect = (at: number) =>
      this.isSuspect(pieceName({ kind: 'change', entry, index: at, count: 1 }));
    if (!isSuspect(index)) while (count < CHANGES_TOGETHER && !isSuspect(index + count)) count++;
    return { kind: 'change', entry, index, count };
  }

  /**
   * Why a piece is set aside: undefined if it is tried once more. `names`: one of them is enough.
   */
  verdict(names: readonly string[], what: string): string | undefined {
    const faults = names.flatMap((name) => this.#faults.get(name) ?? []);
    const alone = faults.reduce((sum, { count }) => sum + count, 0);
    if (alone < FAULTS_MAX - 1) return undefined;
    const thrown = faults.find(({ detail }) => detail !== undefined)?.detail;
    return thrown ?? `the process died ${FAULTS_MAX} times under ${what}`;
  }

  threw(names: readonly string[], detail: string): void {
    for (const name of names)
      this.#faults.set(name, { count: (this.#faults.get(name)?.count ?? 0) + 1, detail });
  }

  /** They are done with. */
  passed(kind: Piece['kind'], names: readonly string[]): void {
    if (kind !== 'message') this.#left[kind] -= names.length;
    for (const name of this.#faults.keys()) if (isPartOfAny(name, names)) this.#faults.delete(name);
  }

  /** The note in `meta` while the owner with this token tries something. */
  note(by: string, trying: readonly string[]): TrialNote {
    return { by, trying, deaths: this.#deaths(() => true) };
  }

  /** The note once some pieces are done with; undefined: there is nothing to remember. */
  noteWithout(names: readonly string[]): TrialNote | undefined {
    const deaths = this.#deaths((name) => !isPartOfAny(name, names));
    return Object.keys(deaths).length === 0 ? undefined : { deaths };
  }

  /** An exception that was thrown is known to this process alone. */
  #deaths(isKept: (name: string) => boolean): Record<string, number> {
    const dead = [...this.#faults].filter(
      ([name, { detail }]) => detail === undefined && isKept(name),
    );
    return Object.fromEntries(dead.map(([name, { count }]) => [name, count]));
  }
}

/** Whether a name is that of one of some pieces, or of one of their predicate ids. */
function isPartOfAny(name: string, wholes: readonly string[]): boolean {
  return wholes.some((whole) => name === whole || name.startsWith(`${whole.slice(0, -1)},`));
}

/** How often owners have died under each piece, as the owner with this token sees it. */
export function deathsBefore(note: TrialNote | undefined, token: string): Map<string, number> {
  if (note === undefined) return new Map();
  const { by, trying = [], deaths } = note;
  const counted = new Map(Object.entries(deaths));
  if (by !== token) for (const name of trying) counted.set(name, (counted.get(name) ?? 0) + 1);
  return counted;
}

/** One piece under suspicion at a time in a process, and nothing else evaluated while it is. */
export class Solo {
  #taken: Promise<void> | undefined;

  /** Undefined while no piece is alone: nothing to wait for. */
  get over(): Promise<void> | undefined {
    return this.#taken;
  }

  /** Waits for its turn. @returns what ends it */
  async begin(): Promise<() => void> {
    while (this.#taken) await this.#taken;
    let end = () => {};
    this.#taken = new Promise((resolve) => {
      end = () => {
        this.#taken = undefined;
        resolve();
      };
    });
    return end;
  }
}
