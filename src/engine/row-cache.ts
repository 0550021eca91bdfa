/**
 * row-cache.ts – The rows of one partition that its owner has in memory.
 *
 * Keeps true: a cached row is what the store holds. Rows enter when they were read under the lease,
 * or when the commit that wrote them is known to have taken place. Each take-over begins with an
 * empty cache. Rows that pass by, a million of a build, only renew those that are there: the cache
 * is for rows that changes come back to. Only a row that was asked for is answered: reading another
 * one is a bug and throws, instead of standing for "there is none".
 */

import { getHeapStatistics } from 'node:v8';
import {
  type NeighbourRow,
  NOT_RELATED,
  type RelatedRow,
  UNKNOWN_NEIGHBOUR,
} from '../membership/neighbour-row.ts';
import { CORE_LIMITS } from './core-limits.ts';
import { Generations } from './generations.ts';
import type { Participant, Weigh } from './participant.ts';
import type { RecordChunk, RecordsOfType } from './partition-store.ts';
import { type Asking, ask, type EdgeTargets, type ExtremesOf, notLoaded } from './requests.ts';
import { ABSENT, type Row, type Step } from './step.ts';
import { type Extremes, NO_EXTREMES } from './step-neighbours.ts';
import type { ValueRows } from './step-values.ts';
import { type AskedValues, loadedValues, NOT_LOADED } from './value-rows.ts';

/**
 * The approximate limit of their weight: rows of 1 MB, of which there may be many, would fill any
 * heap.
 */
const CACHED_BYTES_MAX = getHeapStatistics().heap_size_limit / 8;
/** A list of small things takes so many times its text when it is parsed. */
const PARSED = 16;
/** A row beside its values. */
const ROW_BYTES = 200;

/** Rows, or what is not cached of them weighs too much to be read at once: so many bytes each. */
export type Loaded = { readonly row: (objectType: string, id: string) => Row } | HeavyRows;

export interface HeavyRows {
  readonly weigh: Weigh;
}

export interface Loading {
  /** Rows that weigh more together are weighed instead of read; undefined: any. */
  readonly bytesMax?: number | undefined;
  /** Rows that are not cached are not kept either. */
  readonly isPassing?: boolean;
  /** Rows that this turn has read already. */
  readonly read?: ReadRows | undefined;
}

export interface ReadRows {
  readonly objectType: string;
  readonly rows: RecordChunk['rows'];
}

/** By edge id, the targets whose rows are looked at. */
export type TargetsByEdge = ReadonlyMap<number, ReadonlySet<string>>;

export interface LoadedEdgeRows {
  readonly neighbour: (edgeId: number, target: string) => NeighbourRow;
  readonly related: (edgeId: number, target: string) => RelatedRow;
  readonly extremes: (predicateId: number, target: string) => Extremes;
  readonly values: ValueRows;
}

export class RowCache implements Participant {
  /** By type and id. */
  readonly #rows: Generations<Row>;
  /** By end and edge, and target. */
  readonly #edgeRows: Generations<NeighbourRow | RelatedRow>;
  /** The batch that was loaded last passes by. */
  #isPassing = false;

  constructor(
    rowsMax: number,
    bytesMax = (CACHED_BYTES_MAX * rowsMax) / CORE_LIMITS.cachedRowsMax,
  ) {
    this.#rows = new Generations(rowsMax, bytesMax, bytesOf);
    this.#edgeRows = new Generations(rowsMax);
  }

  /**
   * The rows of a batch: from the cache, and in one round trip for all that is not there. If they
   * are heavier than `bytesMax` together, what each weighs: so a batch of heavy records costs one
   * round trip more, and one of light records none.
   * Caller: holds the lease, so that no other process writes these rows.
   */
  *load(
    touched: ReadonlyMap<string, ReadonlySet<string>>,
    { bytesMax = Number.MAX_SAFE_INTEGER, isPassing = false, read }: Loading = {},
  ): Asking<Loaded> {
    this.#isPassing = isPassing;
    const rows: RowsByType = new Map();
    const asked: RecordsOfType[] = [];
    for (const [objectType, ids] of touched) {
      const ofType = new Map<string, Row>();
      rows.set(objectType, ofType);
      const missing: string[] = [];
      const known = read?.objectType === objectType ? read.rows : undefined;
      for (const id of ids) {
        if (known?.has(id)) {
          ofType.set(id, known.get(id) ?? ABSENT);
          continue;
        }
        const cached = isPassing ? this.#rows.peek(objectType, id) : this.#rows.get(objectType, id);
        if (cached) ofType.set(id, cached);
        else missing.push(id);
      }
      if (missing.length > 0) asked.push({ objectType, ids: missing });
    }
    const weights = asked.length > 0 ? yield* this.#read(asked, rows, bytesMax) : undefined;
    if (weights) return { weigh: (objectType, id) => weights.get(recordKey(objectType, id)) ?? 0 };
    return {
      row: (objectType, id) =>
        rows.get(objectType)?.get(id) ?? notLoaded('the record', objectType, id),
    };
  }

  /** @returns what each weighs if they were not read */
  *#read(
    asked: readonly RecordsOfType[],
    rows: RowsByType,
    bytesMax: number,
  ): Asking<Map<string, number> | undefined> {
    const answer = yield* ask({ kind: 'records', asked, bytesMax });
    let at = 0;
    if (answer.kind === 'heavy') {
      const weights = new Map<string, number>();
      for (const { objectType, ids } of asked)
        for (const id of ids) weights.set(recordKey(objectType, id), answer.bytes[at++]!);
      return weights;
    }
    for (const { objectType, ids } of asked) {
      const ofType = rows.get(objectType)!;
      for (const id of ids) {
        const row = answer.rows[at++];
        ofType.set(id, row ?? ABSENT);
        if (row && !this.#isPassing) this.#rows.set(objectType, id, row);
      }
    }
    return undefined;
  }

  /** The rows at both ends of edges: one round trip for all that is not cached, if anything. */
  *loadEdgeRows(
    neighbours: TargetsByEdge,
    related: TargetsByEdge,
    extremes: readonly ExtremesOf[],
    askedValues: AskedValues,
  ): Asking<LoadedEdgeRows> {
    const rows = new Map<string, NeighbourRow | RelatedRow>();
    const asked = {
      neighbours: this.#missing('n', neighbours, rows),
      related: this.#missing('r', related, rows),
      extremes,
      ...askedValues.requests(),
    };
    let values: ValueRows = NOT_LOADED;
    const found = new Map<string, Extremes>();
    const rowsAsked = asked.neighbours.length + asked.related.length + extremes.length;
    if (rowsAsked > 0 || !askedValues.isEmpty) {
      const answer = yield* ask({ kind: 'edge-rows', ...asked });
      this.#keep('n', asked.neighbours, answer.neighbours, UNKNOWN_NEIGHBOUR, rows);
      this.#keep('r', asked.related, answer.related, NOT_RELATED, rows);
      for (const [at, { predicateId, target }] of extremes.entries())
        found.set(`${predicateId} ${target}`, answer.extremes[at] ?? NO_EXTREMES);
      values = loadedValues(asked, answer);
    }
    return {
      neighbour: (edgeId, target) =>
        (rows.get(edgeKey('n', edgeId, target)) as NeighbourRow | undefined) ??
        notLoaded('the neighbour row', edgeId, target),
      related: (edgeId, target) =>
        (rows.get(edgeKey('r', edgeId, target)) as RelatedRow | undefined) ??
        notLoaded('the related row', edgeId, target),
      extremes: (predicateId, target) =>
        found.get(`${predicateId} ${target}`) ?? notLoaded('the extremes', predicateId, target),
      values,
    };
  }

  /** Puts what is cached into `rows`. @returns what is not */
  #missing(
    end: EdgeEnd,
    targetsByEdge: TargetsByEdge,
    rows: Map<string, NeighbourRow | RelatedRow>,
  ): EdgeTargets[] {
    const asked: EdgeTargets[] = [];
    for (const [edgeId, targets] of targetsByEdge) {
      const missing: string[] = [];
      for (const target of targets) {
        const named = edgeEnd(end, edgeId);
        const cached = this.#isPassing
          ? this.#edgeRows.peek(named, target)
          : this.#edgeRows.get(named, target);
        if (cached) rows.set(edgeKey(end, edgeId, target), cached);
        else missing.push(target);
      }
      if (missing.length > 0) asked.push({ edgeId, targets: missing });
    }
    return asked;
  }

  #keep<R extends NeighbourRow | RelatedRow>(
    end: EdgeEnd,
    asked: readonly EdgeTargets[],
    answers: readonly (readonly (R | undefined)[])[],
    none: R,
    rows: Map<string, NeighbourRow | RelatedRow>,
  ): void {
    for (const [nth, { edgeId, targets }] of asked.entries()) {
      for (const [at, target] of targets.entries()) {
        const row = answers[nth]![at];
        rows.set(edgeKey(end, edgeId, target), row ?? none);
        if (row && !this.#isPassing) this.#edgeRows.set(edgeEnd(end, edgeId), target, row);
      }
    }
  }

  committed({ records, edges }: Pick<Step, 'records' | 'edges'>): void {
    for (const { edgeId, target, row } of edges.neighbours)
      this.#setEdgeRow(edgeEnd('n', edgeId), target, row);
    for (const { edgeId, target, row } of edges.related)
      this.#setEdgeRow(edgeEnd('r', edgeId), target, row);
    for (const { objectType, id, after } of records) {
      if (!after.record) this.#rows.delete(objectType, id);
      else if (!this.#isPassing || this.#rows.peek(objectType, id))
        this.#rows.set(objectType, id, after);
    }
  }

  #setEdgeRow(end: string, target: string, row: NeighbourRow | RelatedRow | null): void {
    if (!row) this.#edgeRows.delete(end, target);
    else if (!this.#isPassing || this.#edgeRows.peek(end, target))
      this.#edgeRows.set(end, target, row);
  }
}

type RowsByType = Map<string, Map<string, Row>>;

/** `n`: what holders know of a target; `r`: what a target knows of its holders. */
type EdgeEnd = 'n' | 'r';

function recordKey(objectType: string, id: string): string {
  return `${objectType}:${id}`;
}

function edgeEnd(end: EdgeEnd, edgeId: number): string {
  return `${end}${edgeId}`;
}

function edgeKey(end: EdgeEnd, edgeId: number, target: string): string {
  return `${end}${edgeId} ${target}`;
}

/** About what a row takes. On the hot path: only lists and objects are written out for it. */
function bytesOf({ record }: Row): number {
  let bytes = ROW_BYTES;
  if (!record) return bytes;
  for (const name in record.data) {
    const value = record.data[name];
    if (typeof value === 'string') bytes += value.length;
    else
      bytes +=
        typeof value === 'object' && value !== null ? PARSED * JSON.stringify(value).length : 8;
  }
  return bytes;
}
