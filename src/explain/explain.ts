/**
 * explain.ts – Why a record is in a segment or not, and when that changes by itself.
 *
 * Keeps true: the verdict is that of the query that answers, over the rows that the engine reads,
 * and is compared with the membership that is stored; both come from one script. A difference is
 * read once more after a strong wait before it counts. Nothing is written. What one explanation
 * holds and works at is bounded; where that does not suffice it is refused in words.
 */
import type { StoredSegment } from '../catalog/catalog.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { findObjectType, findSegment } from '../catalog/entries.ts';
import type { RevisionTexts } from '../catalog/histories.ts';
import type { ObjectType } from '../change/object-type.ts';
import { exists, filterableData, isLive } from '../change/record.ts';
import { recordTitle } from '../change/record-title.ts';
import { type ErrorCode, Problem } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { MembershipStore } from '../membership/membership-store.ts';
import { Neighbourhood } from '../membership/neighbourhood.ts';
import type { PredicateResolver } from '../membership/predicate-resolver.ts';
import { CLOCKS_APART_MS, type ReadOptions } from '../membership/read-options.ts';
import type { Needs, StrongReads } from '../membership/strong-reads.ts';
import { roundsOver } from '../membership/watermark.ts';
import type { QueryScope } from '../query/dialects/compile.ts';
import type { FilterPart } from '../query/dialects/filter-tree.ts';
import { predicateJsonLogic } from '../query/json-logic/json-logic.ts';
import { hasPredicateId } from '../query/network/predicate-ids.ts';
import type { Predicate } from '../query/predicate/predicate.ts';
import { readsClock } from '../query/predicate/statement.ts';
import { filterInWords } from '../query/words/conditions.ts';
import type { Vocabulary } from '../query/words/names.ts';
import { type CompiledFilter, compileFilter, truthOfParts } from './compiled-filter.ts';
import { conditionsOf, EngineFacts, flatTruth } from './engine-facts.ts';
import type { AskedRows, ExplainStore, RecordAtInstant } from './explain-store.ts';
import { explainedParts } from './explained-parts.ts';
import type { Explanation } from './explanation.ts';
import { NEVER_FLIPS, type NextFlip, searchFlips } from './flip-search.ts';
import { inWords, type JudgedRecord, judge, truthOf } from './judgement.ts';
import { NearbyRecords, type Place, type Room } from './nearby-records.ts';
import { latestTurn, type MembershipTurn } from './since.ts';

/** How often the rows are read again because the record's keys changed in between. */
const READS_MAX = 3;
/** Related records that are looked at where the partition knows the answer without them. */
const ILLUSTRATING_MAX = 500;
const EVALUATIONS_MAX = 300_000;
/** Filters that are kept compiled. */
const COMPILED_MAX = 100;
/** Operations of programs (query/budget.ts): about 100 ms. */
const OPERATIONS_MAX = 10_000_000;

export interface UnsavedQuery {
  readonly objectType: string;
  readonly query: unknown;
}

interface ExplainContext {
  readonly store: MembershipStore;
  readonly explained: ExplainStore;
  readonly catalogs: CatalogStore;
  readonly reads: StrongReads;
  readonly resolver: PredicateResolver;
  readonly timeZone: string;
  readonly limits: Limits;
  readonly replaced: RevisionTexts;
  /** Called for each difference between what is stored and what the rows say. */
  readonly onDifference: () => void;
}

/** What is asked, at one version of the catalog. */
interface ExplainedQuery {
  readonly type: ObjectType;
  readonly id: string;
  readonly filter: CompiledFilter;
  /** Of a saved query: the predicate that answers, as the network has it. */
  readonly answering?: { readonly predicateId: number; readonly flat: Predicate };
  readonly revision: number | undefined;
  readonly feedId?: number | undefined;
  readonly atMs: number | undefined;
}

export class Explain {
  readonly #context: ExplainContext;
  /** Of one version of the catalog. */
  #filters = { version: -1, bySegment: new Map<StoredSegment, CompiledFilter>() };

  constructor(context: ExplainContext) {
    this.#context = context;
  }

  /**
   * Why a record is a member of a segment or not, now or at a later moment if no record changes.
   * @throws Problem segment_unknown | segment_building | segment_failed | not_caught_up |
   * parameter_invalid | query_too_costly
   */
  async segment(
    slug: string,
    id: string,
    atMs: number | undefined,
    options: ReadOptions,
  ): Promise<Explanation> {
    const { catalogs, reads } = this.#context;
    const explain = () =>
      reads.current(options, async () => {
        const needs = await reads.needsOfSegments([slug]);
        await reads.waitForRecords([id], options, needs);
        return this.#saved(slug, id, atMs);
      });
    const first = await explain();
    if (first.agrees) return first;
    const again = await explain();
    if (!again.agrees && catalogs.catalog.segments.has(slug)) this.#context.onDifference();
    return again;
  }

  /**
   * The same for a query that is not saved.
   * @throws Problem object_type_unknown | query_invalid | query_too_costly | not_caught_up |
   * relationship_building | body_invalid
   */
  async query(
    { objectType, query }: UnsavedQuery,
    id: string,
    atMs: number | undefined,
    options: ReadOptions,
  ): Promise<Explanation> {
    const { catalogs, reads } = this.#context;
    return reads.current(options, async () => {
      const type = await findObjectType(catalogs, objectType, 'known');
      const filter = compileFilter(query, this.#scope(type, 'newest'));
      await reads.waitForRecords([id], options, needsOf(filter.predicate));
      return this.#explain({ type, id, filter, revision: undefined, atMs });
    });
  }

  async #saved(slug: string, id: string, atMs: number | undefined): Promise<Explanation> {
    const { catalogs, resolver } = this.#context;
    return resolver.answer(
      () => findSegment(catalogs, slug, 'known'),
      async (predicateId, objectType) => {
        const segment = catalogs.catalog.segments.get(slug)!;
        const type = await findObjectType(catalogs, objectType, 'known');
        const flat = catalogs.catalog.predicateIds.get(predicateId)!.predicate;
        const filter = await this.#answeringFilter(segment, predicateId, type);
        const revision = segment.ready_revision ?? segment.revision;
        const { feedId } = segment;
        const answering = { predicateId, flat };
        return this.#explain({ type, id, filter, answering, revision, feedId, atMs });
      },
    );
  }

  /**
   * The query that answers. While an edit of it is built that is the one before. If that is not
   * kept any more, it is shown as the JsonLogic of the predicate that answers.
   */
  async #answeringFilter(
    segment: StoredSegment,
    predicateId: number,
    type: ObjectType,
  ): Promise<CompiledFilter> {
    const { objectTypes, predicateIds } = this.#context.catalogs.catalog;
    const scope = this.#scope(type, 'answering');
    const { id, revision, ready_revision: answering } = segment;
    if (answering === null || answering === revision) return this.#compiled(segment, scope);
    const { predicate, source = predicate } = predicateIds.get(predicateId)!;
    const [replaced] = await this.#context.replaced.revisions(id, [answering]);
    return compileFilter(replaced?.query ?? predicateJsonLogic(source, objectTypes), scope);
  }

  /** Compiled once for a version of the catalog: each of its conditions is compiled alone. */
  #compiled(segment: StoredSegment, scope: QueryScope): CompiledFilter {
    const { version } = this.#context.catalogs.catalog;
    if (this.#filters.version !== version || this.#filters.bySegment.size >= COMPILED_MAX)
      this.#filters = { version, bySegment: new Map() };
    const { bySegment } = this.#filters;
    let filter = bySegment.get(segment);
    if (!filter) bySegment.set(segment, (filter = compileFilter(segment.query, scope)));
    return filter;
  }

  /** `answering`: other segments mean what answers for them; `newest`: what was saved last. */
  #scope(type: ObjectType, meant: 'answering' | 'newest'): QueryScope {
    const { segments, objectTypes: types, predicateIds } = this.#context.catalogs.catalog;
    const { timeZone } = this.#context;
    return {
      type,
      types,
      timeZone,
      segment: (slug) => {
        const segment = segments.get(slug);
        if (!segment) return undefined;
        const { predicateId, pending, object_type: objectType, json_logic: jsonLogic } = segment;
        const meaning = meant === 'newest' ? (pending ?? predicateId) : (predicateId ?? pending);
        const stored = meaning === null ? undefined : predicateIds.get(meaning);
        return stored && { objectType, predicate: stored.source ?? stored.predicate, jsonLogic };
      },
    };
  }

  async #explain(asked: ExplainedQuery): Promise<Explanation> {
    const { type, id, filter, answering, atMs } = asked;
    const { catalogs, timeZone } = this.#context;
    const facts = new EngineFacts(catalogs.catalog);
    const at = await this.#read(asked, facts);
    const { record, state } = at;
    const live = isLive(record);
    const due = live ? (state.due ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
    const asOfMs = answering ? Math.min(at.serverMs, due - 1) : at.serverMs;
    if (atMs !== undefined && atMs < asOfMs - CLOCKS_APART_MS)
      refusePast(answering ? 'parameter_invalid' : 'body_invalid');
    const momentMs = Math.max(atMs ?? asOfMs, asOfMs);
    const [judged, turn] = await Promise.all([
      this.#lookAround(asked, at, facts, asOfMs),
      this.#latestTurn(asked),
    ]);
    const truths = new Map<FilterPart, boolean>();
    for (const { part, predicate } of filter.conditions)
      truths.set(part, judge(judged, predicate, momentMs));
    const whole = truthOfParts(filter.tree, (part) => truths.get(part)!);
    const isMember = answering ? memberByRows(answering, judged) : false;
    const isWhole = live && whole;
    judged.room.evaluations = EVALUATIONS_MAX;
    const { next, flips } = nextFlips(filter, judged, truths, momentMs);
    judged.room.evaluations = EVALUATIONS_MAX;
    const vocabulary = this.#vocabulary();
    const data = exists(record) ? filterableData(record, type, timeZone) : {};
    return {
      member: answering && atMs === undefined ? isMember : isWhole,
      stored: at.isMember,
      agrees:
        !answering ||
        (at.isMember === isMember &&
          hasPredicateId(state.truth, answering.predicateId) === isMember &&
          (atMs !== undefined || isMember === isWhole)),
      id,
      title: recordTitle(type, id, data),
      exists: exists(record),
      archived: exists(record) && !live,
      revision: asked.revision,
      asOfMs,
      atMs: atMs === undefined ? undefined : momentMs,
      sinceMs: turn?.isMember === isMember ? turn.at : undefined,
      next,
      words: filterInWords(filter.tree, type, vocabulary),
      tree: explainedParts(filter, {
        judged,
        type,
        vocabulary,
        atMs: momentMs,
        truthOf: (part) => truths.get(part)!,
        flipsOf: (part) => flips.get(part),
      }),
    };
  }

  /** Of a forecast, and of a query that is not saved, nothing is known. */
  async #latestTurn({
    type,
    id,
    feedId,
    atMs,
  }: ExplainedQuery): Promise<MembershipTurn | undefined> {
    if (feedId === undefined || atMs !== undefined) return undefined;
    return latestTurn(this.#context.explained, { objectType: type.name, id, feedId });
  }

  /** The record and its rows, all at one instant. */
  async #read(
    { type, id, filter, answering }: ExplainedQuery,
    facts: EngineFacts,
  ): Promise<RecordAtInstant> {
    const { explained } = this.#context;
    const flats = answering ? [answering.flat] : [];
    const conditions = filter.conditions.flatMap(({ predicate }) => conditionsOf(predicate));
    const read = (rows: AskedRows) =>
      explained.readRecord(type.name, id, answering?.predicateId, rows);
    // Which targets it points at is not known yet; all else is there with the first read.
    let rows = facts.askedBy(flats, conditions, undefined);
    let at = await read(rows);
    for (let reads = 1; reads < READS_MAX; reads++) {
      const asked = facts.askedBy(flats, conditions, at.record);
      // Its keys may have changed since they were read: then other rows are asked for.
      if (sameTargets(asked.neighbours, rows.neighbours)) return at;
      rows = asked;
      at = await read(rows);
    }
    return at;
  }

  async #lookAround(
    { type, id, filter }: ExplainedQuery,
    at: RecordAtInstant,
    facts: EngineFacts,
    asOfMs: number,
  ): Promise<JudgedRecord> {
    const { store, catalogs, timeZone, limits } = this.#context;
    const { catalog } = catalogs;
    const recordsMax = limits.explainedRecords;
    const room: Room = {
      records: recordsMax,
      bytes: limits.explainedBytes,
      evaluations: EVALUATIONS_MAX,
      operations: OPERATIONS_MAX,
    };
    const neighbourhood = new Neighbourhood(store, catalog, timeZone);
    const nearby = new NearbyRecords(neighbourhood, catalog.objectTypes, room);
    const { record } = at;
    const place: Place | undefined = exists(record)
      ? nearby.place(type, {
          id,
          record,
          data: filterableData(record, type, timeZone),
          size: 0,
        })
      : undefined;
    const rows = isLive(record) ? { facts, at } : undefined;
    if (place) {
      const isKnown = (predicate: Predicate) =>
        rows !== undefined &&
        !readsClock(predicate) &&
        conditionsOf(predicate).every((each) => facts.measure(each, at) !== undefined);
      const needed = filter.conditions.filter(({ predicate }) => !isKnown(predicate));
      const illustrating = filter.conditions.filter(({ predicate }) => isKnown(predicate));
      for (const { predicate } of needed) await nearby.look(predicate, [place]);
      for (const { predicate } of illustrating) {
        const left = room.records;
        room.records = Math.min(left, ILLUSTRATING_MAX);
        const given = room.records;
        await nearby.look(predicate, [place]);
        room.records += left - given;
      }
    }
    return { nearby, place, rows, asOfMs, recordsMax, room };
  }

  #vocabulary(): Vocabulary {
    const { segments, objectTypes: types } = this.#context.catalogs.catalog;
    const { timeZone } = this.#context;
    return { types, timeZone, segmentTitle: (slug) => segments.get(slug)?.title };
  }
}

function refusePast(code: ErrorCode): never {
  const detail = 'a record is explained as of now or of a later moment: `at` lies in the past';
  throw new Problem(code, detail, [{ path: '/at', detail }]);
}

function needsOf(predicate: Predicate): Needs {
  return { rounds: roundsOver(depthOf(predicate)), isTimed: readsClock(predicate) };
}

/** The longest way, in edges, over which a predicate looks at neighbours. */
function depthOf(predicate: Predicate): number {
  return conditionsOf(predicate).reduce(
    (deepest, { where }) => Math.max(deepest, 1 + depthOf(where)),
    0,
  );
}

function sameTargets(
  a: ReadonlyMap<number, readonly string[]>,
  b: ReadonlyMap<number, readonly string[]>,
): boolean {
  return [...a].every(([edgeId, targets]) => targets.join('\n') === b.get(edgeId)?.join('\n'));
}

/** Whether the rows say that a live record is a member, as the engine would find from them. */
function memberByRows(
  { predicateId, flat }: NonNullable<ExplainedQuery['answering']>,
  { place, rows, asOfMs, recordsMax }: JudgedRecord,
): boolean {
  if (!place || !rows) return false;
  const { facts, at } = rows;
  const derived = facts.derived(flat, at);
  // A neighbour has not answered yet: until then the engine keeps what it had.
  if (!derived) return hasPredicateId(at.state.truth, predicateId);
  const attributes = { ...place.standpoint.data, ...derived };
  return inWords(() => flatTruth(flat, attributes, asOfMs), recordsMax);
}

/** When the clock alone changes the verdict, and each condition that it moves. */
function nextFlips(
  { tree, conditions }: CompiledFilter,
  judged: JudgedRecord,
  truths: ReadonlyMap<FilterPart, boolean>,
  fromMs: number,
): { readonly next: NextFlip; readonly flips: ReadonlyMap<FilterPart, NextFlip> } {
  const { place, nearby, rows } = judged;
  const timed = place ? conditions.filter(({ predicate }) => readsClock(predicate)) : [];
  if (!place || timed.length === 0) return { next: NEVER_FLIPS, flips: new Map() };
  const found = searchFlips(
    timed.map(({ predicate }) => ({
      predicate,
      place,
      truth: (nowMs) => truthOf(judged, predicate, nowMs),
    })),
    (moved) => {
      const now = new Map(truths);
      for (const [at, { part }] of timed.entries()) now.set(part, moved[at]!);
      return truthOfParts(tree, (part) => now.get(part)!);
    },
    nearby,
    fromMs,
  );
  const flips = new Map(timed.map(({ part }, at) => [part, found.each[at]!]));
  // No segment holds a record that is archived, whatever the clock says.
  return { next: rows ? found.whole : NEVER_FLIPS, flips };
}
