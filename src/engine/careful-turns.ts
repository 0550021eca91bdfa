/**
 * careful-turns.ts – The turns of a partition while something may be at fault (care.ts).
 *
 * Keeps true: each such turn tries one piece, or waits for it to be read. Before it is tried, the
 * piece is noted where the next owner finds it. A piece that failed too often is set aside; what is
 * unknown without it is reported as failed from then on.
 */
import { unreachable } from '../errors.ts';
import type { Failure } from '../query/failure.ts';
import type { Batch, RecordKey } from './batch.ts';
import { Care, deathsBefore, type Piece, pieceName, pieceNames, type Solo } from './care.ts';
import type { CommitDraft } from './commit-draft.ts';
import type { CoreLimits } from './core-limits.ts';
import type { BatchDraft, Turn } from './participant.ts';
import type { Participants } from './participants.ts';
import { chunkOf } from './partition-builds.ts';
import type { PartitionMeta } from './partition-store.ts';
import { type Asking, ask } from './requests.ts';
import { NO_RESYNC } from './resyncs.ts';
import type { Step } from './step.ts';
import { loadStepRows, type StepRows } from './step-rows.ts';
import { AGAIN, type TurnResult } from './turn-result.ts';

/** While what may be at fault is still being read. */
const CARE_POLL_MS = 5;
const PAUSE_MS = 50;

const WAIT: TurnResult = { kind: 'idle', forMs: CARE_POLL_MS };
const FENCED: TurnResult = { kind: 'lost', why: 'fenced' };

const WORDS: Readonly<Record<Piece['kind'], string>> = {
  message: 'this message',
  change: 'this change',
  fanout: 'the evaluation of this record after one that it points at had changed',
  due: 'the evaluation of this record when it was due',
  backfill: 'the evaluation of this record for a new segment',
  resync: 'this piece of what is sent anew to another partition, or heard anew from it',
};

type BackfillPiece = Extract<Piece, { kind: 'backfill' }>;

/** The part of the core that careful turns need. */
export interface CareSetting {
  readonly turn: Turn;
  readonly participants: Participants;
  readonly limits: CoreLimits;
  readonly token: string;
  readonly partition: number;
  readonly solo: Solo;
  readonly elapsedMs: () => number;
  readonly emptyBatch: () => BatchDraft;
  readonly carryOut: (
    batch: BatchDraft,
    piece: Piece | undefined,
    isSolo: boolean,
  ) => Asking<TurnResult>;
  /** Evaluates a batch for nothing. @throws what the step throws */
  readonly rehearse: (batch: Batch, rows: StepRows) => void;
}

export class CarefulTurns {
  readonly #setting: CareSetting;
  readonly #sinceMs: number;
  /** While something may be at fault. */
  #care: Care | undefined;
  #deaths: ReadonlyMap<string, number> | undefined;
  /** It may go on for long: every other turn is for all else. */
  #isResyncNext = false;

  constructor(setting: CareSetting) {
    this.#setting = setting;
    this.#sinceMs = setting.elapsedMs();
  }

  get isOn(): boolean {
    return this.#care !== undefined;
  }

  get deaths(): ReadonlyMap<string, number> | undefined {
    return this.#deaths;
  }

  /** The result of a turn that finds no other work; undefined: care is over. */
  get idle(): TurnResult | undefined {
    return this.#care && WAIT;
  }

  /** An owner before may have died of what it had in hand. */
  *takeOver({ trial, isDeserted }: PartitionMeta): Asking<void> {
    if (!isDeserted && trial === undefined) return;
    const ends = yield* ask({ kind: 'last-entries' });
    this.#deaths = deathsBefore(trial, this.#setting.token);
    this.#care = new Care(ends, this.#setting.limits.care, this.#deaths);
  }

  /** A batch has thrown. */
  beginAfter({ entries, inbox = [] }: Batch): void {
    const { intake } = this.#setting.participants;
    const log = entries.at(-1)?.id ?? intake.position.entry;
    const ends = { log, inbox: inbox.at(-1)?.id ?? intake.inboxPosition };
    this.#care = new Care(ends, this.#setting.limits.care);
  }

  /** Notes in the commit that a piece is done with. @returns the names of what was done */
  plan(writes: CommitDraft, { applied }: Step, piece: Piece): readonly string[] {
    const names = pieceNames(piece).slice(0, applied || undefined);
    writes.trial = this.#care!.noteWithout(names) ?? null;
    return names;
  }

  passed({ kind }: Piece, names: readonly string[]): void {
    this.#care?.passed(kind, names);
  }

  threw(piece: Piece, { message }: Error): void {
    this.#care!.threw(pieceNames(piece), message);
  }

  /** @returns undefined if this turn was not taken: nothing is left to try. */
  *turn(): Asking<TurnResult | undefined> {
    const piece = yield* this.#nextPiece(this.#care!);
    if (piece === 'wait') return WAIT;
    if (piece) return yield* this.#try(this.#care!, piece);
    if (this.#setting.participants.resyncs.isRunning) return undefined;
    // An owner that has taken over meanwhile makes the store refuse this, and what comes next too.
    if ((yield* ask({ kind: 'note-trial', note: null })) === 'fenced') return FENCED;
    this.#care = undefined;
    return undefined;
  }

  /**
   * The next piece that may be at fault and was not tried yet; 'wait': it is still being read, or
   * the outbox is full.
   */
  *#nextPiece(care: Care): Asking<Piece | 'wait' | undefined> {
    const { intake } = this.#setting.participants;
    const { isHeldBack } = this.#setting.turn;
    const { firstMessage: message, firstLogId: first } = intake;
    const isMessageLeft = care.has('inbox', intake.inboxPosition);
    if (message && (isHeldBack || (isMessageLeft && care.covers('inbox', message.id))))
      return { kind: 'message', entry: message.id };
    if (isHeldBack) return 'wait';
    if (isMessageLeft && !message) return yield* this.#waitForEntries(care);
    if (care.has('log', intake.position.entry)) {
      if (first === undefined) return yield* this.#waitForEntries(care);
      if (care.covers('log', first)) return care.changesFrom(first, intake.position.offset);
    }
    return yield* this.#nextVisit(care);
  }

  *#waitForEntries(care: Care): Asking<'wait'> {
    care.shorten(yield* ask({ kind: 'last-entries' }));
    return 'wait';
  }

  /** Records that were not in a log: of fan-outs, timers, backfills and resynchronizations. */
  *#nextVisit(care: Care): Asking<Piece | undefined> {
    const { turn, participants, limits } = this.#setting;
    const { fanouts, timers, builds, resyncs } = participants;
    if (care.left('fanout') && fanouts.size > 0) {
      const [visit] = yield* fanouts.visit(1);
      if (visit) return { kind: 'fanout', visit };
    }
    const taken = care.left('due') ? yield* timers.take(turn.nowMs, limits.care.due) : [];
    if (taken[0]) return { kind: 'due', record: taken[0], taken };
    const backfill = care.left('backfill') ? yield* builds.take(1) : undefined;
    if (backfill) return { kind: 'backfill', request: backfill.request, ids: backfill.ids };
    this.#isResyncNext = !this.#isResyncNext;
    if (!resyncs.isRunning || !this.#isResyncNext) return undefined;
    return { kind: 'resync', chunk: yield* resyncs.take(turn) };
  }

  /** One under suspicion is alone in the process: its neighbours' deaths are not its own. */
  *#try(care: Care, piece: Piece): Asking<TurnResult> {
    const { elapsedMs, limits } = this.#setting;
    const isSuspect = care.isSuspect(pieceName(piece));
    const pauseMs = limits.suspicionPauseMs - (elapsedMs() - this.#sinceMs);
    if (isSuspect && pauseMs > 0) return { kind: 'idle', forMs: Math.min(pauseMs, PAUSE_MS) };
    const end = isSuspect ? yield* ask({ kind: 'solo-begin' }) : undefined;
    try {
      return yield* this.#tryNow(care, piece, end !== undefined);
    } finally {
      end?.();
    }
  }

  *#tryNow(care: Care, piece: Piece, isSolo: boolean): Asking<TurnResult> {
    const verdict = care.verdict([pieceName(piece)], WORDS[piece.kind]);
    if (verdict !== undefined) {
      const batch = this.#batchWithout(piece, verdict);
      return yield* this.#carryOut(batch, piece.kind === 'backfill' ? undefined : piece, isSolo);
    }
    if (piece.kind === 'backfill' && isSolo) {
      const failed = yield* this.#rehearse(care, piece);
      if (failed) return failed;
    }
    if (!(yield* this.#note(care, pieceNames(piece)))) return FENCED;
    return yield* this.#carryOut(this.#batchOf(piece), piece, isSolo);
  }

  *#carryOut(batch: BatchDraft, piece: Piece | undefined, isSolo: boolean): Asking<TurnResult> {
    const { participants, turn } = this.#setting;
    // A message was sent, and a change checked, at a catalog version that may be newer than ours.
    yield* participants.intake.catchUp(batch, turn.networks.version);
    return yield* this.#setting.carryOut(batch, piece, isSolo);
  }

  /**
   * Evaluates the predicates of a backfill one by one, for nothing: the one at fault is found, and
   * the others are built.
   * @returns what the turn comes to if one was given up, or has thrown; undefined if all is well
   */
  *#rehearse(care: Care, piece: BackfillPiece): Asking<TurnResult | undefined> {
    const { turn, participants, emptyBatch, rehearse } = this.#setting;
    const { objectType, backfill } = piece.request;
    for (const predicateId of backfill.predicateIds) {
      if (!turn.networks.has(predicateId)) continue;
      const name = pieceName(piece, predicateId);
      const verdict = care.verdict([pieceName(piece), name], WORDS.backfill);
      if (verdict !== undefined) {
        const batch = this.#failing(piece, [predicateId], verdict);
        return yield* this.#carryOut(batch, undefined, true);
      }
      if (!(yield* this.#note(care, [name]))) return FENCED;
      const backfills = [{ objectType, predicateIds: [predicateId], ids: piece.ids }];
      const batch = { ...emptyBatch(), backfills };
      const rows = (yield* loadStepRows(
        participants.cache,
        turn.networks,
        turn.timeZone,
        batch,
      )) as StepRows;
      try {
        rehearse(batch, rows);
      } catch (error) {
        care.threw([name], (error as Error).message);
        return AGAIN;
      }
    }
    return undefined;
  }

  /** @returns whether the partition is still ours */
  *#note(care: Care, names: readonly string[]): Asking<boolean> {
    const note = care.note(this.#setting.token, names);
    return (yield* ask({ kind: 'note-trial', note })) === 'noted';
  }

  /** A piece alone. Participants hold what they took of it. */
  #batchOf(piece: Piece): BatchDraft {
    const batch = this.#setting.emptyBatch();
    const { intake } = this.#setting.participants;
    switch (piece.kind) {
      case 'message':
        batch.inbox = [intake.firstMessage!];
        return batch;
      case 'change':
        batch.entries = [intake.firstEntry];
        batch.changesMax = piece.count;
        return batch;
      case 'fanout':
        batch.fanouts = [{ edgeId: piece.visit.fanout.edgeId, ids: piece.visit.ids }];
        return batch;
      case 'due':
        batch.due = [piece.record];
        return batch;
      case 'backfill':
        if (piece.ids.length > 0) batch.backfills = [chunkOf(piece)];
        return batch;
      case 'resync':
        batch.resync = piece.chunk;
        return batch;
      default:
        return unreachable(piece);
    }
  }

  /** Goes on without a piece, and keeps it with the dead letters. */
  #batchWithout(piece: Piece, detail: string): BatchDraft {
    const { turn, partition } = this.#setting;
    const letter = pieceName(piece);
    switch (piece.kind) {
      case 'message':
        return this.#poisoned(piece, { entry: piece.entry, index: 0, detail, isMessage: true });
      case 'change':
        return this.#poisoned(piece, { entry: piece.entry, index: piece.index, detail });
      case 'fanout':
        return this.#aside({ detail, letter, broken: partition });
      case 'due': {
        const { record: timer } = piece;
        const timed = turn.networks.timedPredicateIds(timer.objectType);
        return this.#aside({ detail, letter, timer, failures: failuresOf(timed, timer, detail) });
      }
      case 'backfill':
        return this.#failing(piece, piece.request.backfill.predicateIds, detail);
      case 'resync': {
        const { resends, sweeps } = piece.chunk;
        const broken = resends[0]?.to ?? sweeps[0]?.from ?? partition;
        return { ...this.#aside({ detail, letter, broken }), resync: NO_RESYNC };
      }
      default:
        return unreachable(piece);
    }
  }

  #poisoned(piece: Piece, poison: NonNullable<Batch['poison']>): BatchDraft {
    return { ...this.#batchOf(piece), poison };
  }

  #aside(aside: NonNullable<Batch['aside']>): BatchDraft {
    return { ...this.#setting.emptyBatch(), aside };
  }

  /** Goes on with a backfill where it is, without some of its predicates. */
  #failing(piece: BackfillPiece, failing: readonly number[], detail: string): BatchDraft {
    this.#setting.participants.builds.putBack();
    const letter = pieceName(piece, failing.length === 1 ? failing[0] : undefined);
    const record = { objectType: piece.request.objectType, id: piece.ids[0] ?? '' };
    return this.#aside({ detail, letter, failures: failuresOf(failing, record, detail) });
  }
}

function failuresOf(
  predicateIds: readonly number[],
  { objectType, id }: RecordKey,
  detail: string,
): Map<number, Failure> {
  const failure = { object_type: objectType, id, passed: '', detail };
  return new Map(predicateIds.map((predicateId) => [predicateId, failure]));
}
