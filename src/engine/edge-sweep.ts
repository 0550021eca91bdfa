/**
 * edge-sweep.ts – Removes, piece by piece, the sets of holders and values of relationships that the
 * catalog has given up.
 *
 * Keeps true: these sets are named by targets, and only the rows of an edge's neighbours name
 * those. So a target's row goes in the commit that removes its sets, never before. `meta` lists
 * each edge that may have such sets: added by the first commit that can write one, removed by the
 * commit that deletes the last one. A new owner resumes from that list.
 */
import type { CommitDraft } from './commit-draft.ts';
import type { CoreLimits } from './core-limits.ts';
import type { EdgesById } from './edges.ts';
import type { BatchDraft, Participant, Turn } from './participant.ts';
import type { CommitWrites, PartitionMeta } from './partition-store.ts';
import { type Asking, ask } from './requests.ts';
import type { Step } from './step.ts';

/** What is given up of one edge: the edge itself, or values that are not read any more. */
interface SweepRequest {
  readonly edgeId: number;
  readonly predicateIds: readonly number[];
  readonly isWholeEdge: boolean;
  /** Undefined: from the beginning. */
  readonly cursor: string | undefined;
}

/** The targets whose sets the next commit removes; `cursor` is where the next chunk begins. */
export interface SweepChunk extends SweepRequest {
  readonly targets: readonly string[];
  readonly isLast: boolean;
}

/** The writes of a commit for the sweep. */
export type SweepWrites = Pick<
  CommitWrites,
  'edgeSets' | 'edgeSetsDone' | 'forgottenHolders' | 'forgottenValues' | 'forgottenNeighbours'
>;

const NOTHING: SweepWrites = {
  edgeSets: [],
  edgeSetsDone: [],
  forgottenHolders: [],
  forgottenValues: [],
  forgottenNeighbours: [],
};

export class EdgeSweep implements Participant {
  readonly #limits: CoreLimits;
  /**
   * By predicate id, the id of its edge: edge ids have holders, shared predicates that are ordered
   * have values.
   */
  readonly #edgeIds = new Map<number, number>();
  #edges: EdgesById | undefined;
  /**
   * How far the pass for these predicate ids has come; it starts again for other ids, and after a
   * take-over.
   */
  #pass: { readonly predicateIds: string; readonly cursor: string | undefined } | undefined;
  #chunk: SweepChunk | undefined;
  #planned = NOTHING;
  #plannedEdges: EdgesById | undefined;

  constructor(limits: CoreLimits) {
    this.#limits = limits;
  }

  recover({ edgeSets }: Pick<PartitionMeta, 'edgeSets'>): void {
    for (const [predicateId, edgeId] of edgeSets) this.#edgeIds.set(predicateId, edgeId);
  }

  begin(): void {
    this.#chunk = undefined;
  }

  hasWork({ isHeldBack, networks: { edges } }: Turn): boolean {
    if (isHeldBack) return false;
    for (const [predicateId, edgeId] of this.#edgeIds)
      if (!hasSets(edges, predicateId, edgeId)) return true;
    return false;
  }

  /**
   * Reads the next targets. Of an edge that is given up some of them, for they go; else what a pass
   * comes to.
   */
  *work(_: BatchDraft, { networks, recordsMax }: Turn): Asking<boolean> {
    const request = this.next(networks.edges);
    if (!request) return false;
    const { edgeId, cursor } = request;
    const most = Math.min(recordsMax, this.#limits.sweptTargetsMax);
    if (request.isWholeEdge) {
      const targets = yield* ask({ kind: 'some-neighbour-targets', edgeId, most });
      this.#chunk = { ...request, targets, isLast: targets.length < most };
      return true;
    }
    const walked = yield* ask({ kind: 'walk-neighbour-targets', edgeId, cursor, most });
    const { items: targets, cursor: next } = walked;
    this.#chunk = { ...request, targets, cursor: next, isLast: next === undefined };
    return true;
  }

  /** The next piece to be swept, if any. */
  next(edges: EdgesById): SweepRequest | undefined {
    const given = [...this.#edgeIds].filter(
      ([predicateId, edgeId]) => !hasSets(edges, predicateId, edgeId),
    );
    const edgeId = given[0]?.[1];
    if (edgeId === undefined) return undefined;
    const predicateIds = given
      .filter(([, each]) => each === edgeId)
      .map(([predicateId]) => predicateId);
    const isWholeEdge = !edges.has(edgeId);
    const cursor = this.#pass?.predicateIds === predicateIds.join() ? this.#pass.cursor : undefined;
    return { edgeId, predicateIds, isWholeEdge, cursor };
  }

  plan(writes: CommitDraft, { edges: { neighbours } }: Step, { networks: { edges } }: Turn): void {
    const planned = this.progress(edges, this.#chunk, neighbours);
    this.#planned = planned;
    this.#plannedEdges = edges;
    if (planned !== NOTHING) Object.assign(writes, planned);
  }

  committed(): void {
    this.apply(this.#plannedEdges!, this.#chunk, this.#planned);
  }

  /** `neighbours` are the rows that the step has changed. Pure. */
  progress(
    edges: EdgesById,
    chunk: SweepChunk | undefined,
    neighbours: Step['edges']['neighbours'],
  ): SweepWrites {
    const isNew = edges !== this.#edges;
    const isRowGone = this.#edgeIds.size > 0 && neighbours.some(({ row }) => row === null);
    if (!isNew && !chunk && !isRowGone) return NOTHING;
    const { edgeId = 0, targets = [], predicateIds = [], isWholeEdge = false } = chunk ?? {};
    return {
      edgeSets: isNew
        ? [...setsOf(edges)].filter(([predicateId]) => !this.#edgeIds.has(predicateId))
        : [],
      edgeSetsDone: chunk?.isLast ? predicateIds : [],
      forgottenHolders: isWholeEdge ? targets.map((target) => ({ edgeId, target })) : [],
      forgottenValues: [
        ...targets.flatMap((target) =>
          predicateIds.map((predicateId) => ({ predicateId, target })),
        ),
        ...this.#valuesOfRowsGone(edges, neighbours),
      ],
      forgottenNeighbours: isWholeEdge && targets.length > 0 ? [{ edgeId, targets }] : [],
    };
  }

  /** A row that goes before the sweep comes by would be missed by it. */
  #valuesOfRowsGone(
    edges: EdgesById,
    neighbours: Step['edges']['neighbours'],
  ): { predicateId: number; target: string }[] {
    const gone: { predicateId: number; target: string }[] = [];
    for (const { edgeId, target, row } of neighbours) {
      if (row) continue;
      for (const [predicateId, of] of this.#edgeIds)
        if (of === edgeId && !hasSets(edges, predicateId, of)) gone.push({ predicateId, target });
    }
    return gone;
  }

  apply(
    edges: EdgesById,
    chunk: SweepChunk | undefined,
    { edgeSets, edgeSetsDone }: Pick<SweepWrites, 'edgeSets' | 'edgeSetsDone'>,
  ): void {
    this.#edges = edges;
    for (const [predicateId, edgeId] of edgeSets) this.#edgeIds.set(predicateId, edgeId);
    for (const predicateId of edgeSetsDone) this.#edgeIds.delete(predicateId);
    if (chunk) this.#pass = { predicateIds: chunk.predicateIds.join(), cursor: chunk.cursor };
  }
}

/** All predicate ids that may have sets, and their edge ids. */
function* setsOf(edges: EdgesById): Iterable<[predicateId: number, edgeId: number]> {
  for (const { edgeId, up } of edges.values())
    for (const { predicateId, keeps } of up)
      if (predicateId === edgeId || keeps === 'extremes') yield [predicateId, edgeId];
}

function hasSets(edges: EdgesById, predicateId: number, edgeId: number): boolean {
  const edge = edges.get(edgeId);
  return (
    edge !== undefined &&
    (predicateId === edgeId || edge.up.some((each) => each.predicateId === predicateId))
  );
}
