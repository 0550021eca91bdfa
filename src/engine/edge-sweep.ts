/**
 * edge-sweep.ts – Removes, piece by piece, the sets of holders and values of relationships that the
 * catalog has given up.
 *
 * Keeps true: these sets are named by targets, and only the rows of an edge's neighbours name
 * those; so a target's row goes in the commit that removes its sets, never before. What has sets is
 * noted in the partition's meta by the first commit that may write one, and struck out by the one
 * after which there is none: whoever takes the partition over goes on, or begins anew.
 */
import type { Redis } from 'ioredis';
import type { CommitCommands } from '../redis/commit-commands.ts';
import type { PartitionKeys } from '../redis/keys.ts';
import type { Edge } from './edges.ts';
import type { EdgeEffects } from './step-neighbours.ts';

/** Targets of one chunk; each names a set or a few, and Redis frees them in the background. */
const SWEPT_TARGETS_MAX = 200;

const FIELD = 'sets:';

/** Reads a field of the partition's meta; undefined: it is another's. */
export function readEdgeSets(
  field: string,
  value: string,
): [predicateId: number, edgeId: number] | undefined {
  return field.startsWith(FIELD) ? [Number(field.slice(FIELD.length)), Number(value)] : undefined;
}

/** What is given up of one edge: the edge itself, or values that nobody asks for any more. */
interface SweepRequest {
  readonly edgeId: number;
  readonly predicateIds: readonly number[];
  readonly isWholeEdge: boolean;
  readonly cursor: string;
}

/** The targets whose sets the next commit removes. */
export interface SweepChunk extends SweepRequest {
  readonly targets: readonly string[];
  readonly isLast: boolean;
}

export interface SweepProgress {
  /** Predicate ids that have sets from now on, and their edge ids. */
  readonly noted: readonly (readonly [predicateId: number, edgeId: number])[];
  readonly chunk: SweepChunk | undefined;
  /** Predicate ids of which no set is left. */
  readonly done: readonly number[];
}

/** The edges of one catalog version. */
type Edges = ReadonlyMap<number, Edge>;

export class EdgeSweep {
  /**
   * By predicate id, the id of its edge: edges have holders, shared predicates that are ordered
   * have values.
   */
  readonly #edgeIds: Map<number, number>;
  #edges: Edges | undefined;
  /**
   * how far the pass has come that is for these predicate ids; for others it begins anew, and after
   * a take-over too.
   */
  #pass: { readonly predicateIds: string; readonly cursor: string } | undefined;

  constructor(noted: Iterable<readonly [predicateId: number, edgeId: number]>) {
    this.#edgeIds = new Map(noted);
  }

  /** What is to be swept next, if anything is. */
  next(edges: Edges): SweepRequest | undefined {
    const given = [...this.#edgeIds].filter(
      ([predicateId, edgeId]) => !hasSets(edges, predicateId, edgeId),
    );
    const edgeId = given[0]?.[1];
    if (edgeId === undefined) return undefined;
    const predicateIds = given
      .filter(([, each]) => each === edgeId)
      .map(([predicateId]) => predicateId);
    const isWholeEdge = !edges.has(edgeId);
    const cursor = this.#pass?.predicateIds === predicateIds.join() ? this.#pass.cursor : '0';
    return { edgeId, predicateIds, isWholeEdge, cursor };
  }

  /** Caller: in the same turn of the event loop as the step over these edges. */
  progress(edges: Edges, chunk: SweepChunk | undefined): SweepProgress {
    const noted =
      edges === this.#edges
        ? []
        : [...setsOf(edges)].filter(([predicateId]) => !this.#edgeIds.has(predicateId));
    return { noted, chunk, done: chunk?.isLast ? chunk.predicateIds : [] };
  }

  /** The commit took place. */
  committed(edges: Edges, { noted, chunk, done }: SweepProgress): void {
    this.#edges = edges;
    for (const [predicateId, edgeId] of noted) this.#edgeIds.set(predicateId, edgeId);
    for (const predicateId of done) this.#edgeIds.delete(predicateId);
    if (chunk) this.#pass = { predicateIds: chunk.predicateIds.join(), cursor: chunk.cursor };
  }

  /** Adds what a commit does for the sweep. `neighbours` are the rows that its step has changed. */
  addTo(
    commands: CommitCommands,
    { noted, chunk, done }: SweepProgress,
    edges: Edges,
    neighbours: EdgeEffects['neighbours'],
    keys: PartitionKeys,
  ): void {
    commands.add(
      'HSET',
      keys.meta,
      noted.flatMap(([predicateId, edgeId]) => [`${FIELD}${predicateId}`, edgeId]),
    );
    for (const target of chunk?.targets ?? []) {
      if (chunk!.isWholeEdge) commands.addWhole('UNLINK', keys.holders(chunk!.edgeId, target));
      for (const predicateId of chunk!.predicateIds)
        commands.addWhole('UNLINK', keys.values(predicateId, target));
    }
    if (chunk?.isWholeEdge) commands.add('HDEL', keys.neighbours(chunk.edgeId), chunk.targets);
    // A row that goes before the sweep comes by would be missed by it.
    for (const { edgeId, target, row } of neighbours) {
      if (row) continue;
      for (const [predicateId, of] of this.#edgeIds)
        if (of === edgeId && !hasSets(edges, predicateId, of))
          commands.addWhole('UNLINK', keys.values(predicateId, target));
    }
    commands.add(
      'HDEL',
      keys.meta,
      done.map((predicateId) => `${FIELD}${predicateId}`),
    );
  }
}

/**
 * Reads the next targets. Of an edge that is given up the first ones, for they go; else what a pass
 * comes to.
 */
export async function readSweepChunk(
  redis: Redis,
  keys: PartitionKeys,
  request: SweepRequest | undefined,
  targetsMax = SWEPT_TARGETS_MAX,
): Promise<SweepChunk | undefined> {
  if (!request) return undefined;
  const rows = keys.neighbours(request.edgeId);
  if (request.isWholeEdge) {
    const targets = (await redis.hrandfield(rows, targetsMax)) as string[];
    return { ...request, targets, isLast: targets.length < targetsMax };
  }
  const [cursor, flat] = await redis.hscan(rows, request.cursor, 'COUNT', targetsMax);
  const targets = flat.filter((_, at) => at % 2 === 0);
  return { ...request, cursor, targets, isLast: cursor === '0' };
}

/** All predicate ids that may have sets, and their edge ids. */
function* setsOf(edges: Edges): Iterable<[predicateId: number, edgeId: number]> {
  for (const { edgeId, up } of edges.values())
    for (const { predicateId, keeps } of up)
      if (predicateId === edgeId || keeps === 'extremes') yield [predicateId, edgeId];
}

function hasSets(edges: Edges, predicateId: number, edgeId: number): boolean {
  const edge = edges.get(edgeId);
  return (
    edge !== undefined &&
    (predicateId === edgeId || edge.up.some((each) => each.predicateId === predicateId))
  );
}
