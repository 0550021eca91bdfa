/**
 * edge-sweep.ts – Removes, piece by piece, the sets of holders and values of relationships that the catalog has given up.
 *
 * Keeps true: these sets are named by targets, and only the rows of an edge's neighbours name those; so a target's row goes in
 * the commit that removes its sets, never before. What has sets is noted in the partition's meta by the first commit that may
 * write one, and struck out by the one after which there is none: whoever takes the partition over goes on, or begins anew.
 */
import type { Redis } from 'ioredis';
import type { PartitionKeys } from '../redis/keys.ts';
import type { CommitCommands } from './commit.ts';
import type { Edge } from './edges.ts';
import type { EdgeEffects } from './step-neighbours.ts';

/** Targets of one chunk; each names a set or a few, and Redis frees them in the background. */
const SWEPT_TARGETS_MAX = 200;

const FIELD = 'sets:';

/** Reads a field of the partition's meta; undefined: it is another's. */
export function readEdgeSets(field: string, value: string): [ordinal: number, anchor: number] | undefined {
  return field.startsWith(FIELD) ? [Number(field.slice(FIELD.length)), Number(value)] : undefined;
}

/** What is given up of one edge: the edge itself, or values that nobody asks for any more. */
interface SweepRequest {
  readonly anchor: number;
  readonly ordinals: readonly number[];
  readonly isWholeEdge: boolean;
  readonly cursor: string;
}

/** The targets whose sets the next commit removes. */
export interface SweepChunk extends SweepRequest {
  readonly targets: readonly string[];
  readonly isLast: boolean;
}

export interface SweepProgress {
  /** Ordinals that have sets from now on, and their anchors. */
  readonly noted: readonly (readonly [ordinal: number, anchor: number])[];
  readonly chunk: SweepChunk | undefined;
  /** Ordinals of which no set is left. */
  readonly done: readonly number[];
}

/** The edges of one catalog version. */
type Edges = ReadonlyMap<number, Edge>;

export class EdgeSweep {
  /** By ordinal, the anchor of its edge: anchors have holders, exports that are ordered have values. */
  readonly #anchors: Map<number, number>;
  #edges: Edges | undefined;
  /** How far the scan has come that is for these ordinals; for others it begins anew, and after a take-over too. */
  #scan: { readonly ordinals: string; readonly cursor: string } | undefined;

  constructor(noted: Iterable<readonly [ordinal: number, anchor: number]>) {
    this.#anchors = new Map(noted);
  }

  /** What is to be swept next, if anything is. */
  next(edges: Edges): SweepRequest | undefined {
    const given = [...this.#anchors].filter(([ordinal, anchor]) => !hasSets(edges, ordinal, anchor));
    const anchor = given[0]?.[1];
    if (anchor === undefined) return undefined;
    const ordinals = given.filter(([, each]) => each === anchor).map(([ordinal]) => ordinal);
    const isWholeEdge = !edges.has(anchor);
    const cursor = this.#scan?.ordinals === ordinals.join() ? this.#scan.cursor : '0';
    return { anchor, ordinals, isWholeEdge, cursor };
  }

  /** Caller: in the same turn of the event loop as the step over these edges. */
  progress(edges: Edges, chunk: SweepChunk | undefined): SweepProgress {
    const noted = edges === this.#edges ? [] : [...setsOf(edges)].filter(([ordinal]) => !this.#anchors.has(ordinal));
    return { noted, chunk, done: chunk?.isLast ? chunk.ordinals : [] };
  }

  /** The commit took place. */
  committed(edges: Edges, { noted, chunk, done }: SweepProgress): void {
    this.#edges = edges;
    for (const [ordinal, anchor] of noted) this.#anchors.set(ordinal, anchor);
    for (const ordinal of done) this.#anchors.delete(ordinal);
    if (chunk) this.#scan = { ordinals: chunk.ordinals.join(), cursor: chunk.cursor };
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
      noted.flatMap(([ordinal, anchor]) => [`${FIELD}${ordinal}`, anchor]),
    );
    for (const target of chunk?.targets ?? []) {
      if (chunk!.isWholeEdge) commands.addWhole('UNLINK', keys.holders(chunk!.anchor, target));
      for (const ordinal of chunk!.ordinals) commands.addWhole('UNLINK', keys.values(ordinal, target));
    }
    if (chunk?.isWholeEdge) commands.add('HDEL', keys.neighbours(chunk.anchor), chunk.targets);
    // A row that goes before the sweep comes by would be missed by it.
    for (const { anchor, target, row } of neighbours) {
      if (row) continue;
      for (const [ordinal, of] of this.#anchors)
        if (of === anchor && !hasSets(edges, ordinal, of)) commands.addWhole('UNLINK', keys.values(ordinal, target));
    }
    commands.add(
      'HDEL',
      keys.meta,
      done.map((ordinal) => `${FIELD}${ordinal}`),
    );
  }
}

/** Reads the next targets. Of an edge that is given up the first ones, for they go; else what a scan comes to. */
export async function readSweepChunk(
  redis: Redis,
  keys: PartitionKeys,
  request: SweepRequest | undefined,
  targetsMax = SWEPT_TARGETS_MAX,
): Promise<SweepChunk | undefined> {
  if (!request) return undefined;
  const rows = keys.neighbours(request.anchor);
  if (request.isWholeEdge) {
    const targets = (await redis.hrandfield(rows, targetsMax)) as string[];
    return { ...request, targets, isLast: targets.length < targetsMax };
  }
  const [cursor, flat] = await redis.hscan(rows, request.cursor, 'COUNT', targetsMax);
  const targets = flat.filter((_, at) => at % 2 === 0);
  return { ...request, cursor, targets, isLast: cursor === '0' };
}

/** All ordinals that may have sets, and their anchors. */
function* setsOf(edges: Edges): Iterable<[ordinal: number, anchor: number]> {
  for (const { anchor, up } of edges.values())
    for (const { ordinal, ordered } of up) if (ordinal === anchor || ordered) yield [ordinal, anchor];
}

function hasSets(edges: Edges, ordinal: number, anchor: number): boolean {
  const edge = edges.get(anchor);
  return edge !== undefined && (ordinal === anchor || edge.up.some((each) => each.ordinal === ordinal));
}
