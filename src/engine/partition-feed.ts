/**
 * partition-feed.ts – What one partition tells of segments: who entered and left, and why.
 *
 * Keeps true: flips are resolved to segments when they are committed. So a reader of the feed, or
 * of what waits for webhooks, needs no older catalog. Which predicate the feed goes by for each
 * segment is stored in the partition: an owner that takes it over, or has missed versions of the
 * catalog, finds out from it what is still to be told. A predicate that several segments share
 * gives one flip each.
 *
 * A segment that is switched to another predicate gives a **run** over all records of its type, in
 * the order of their ids: each is told if it is in one of both and not in the other. A record up
 * to the run's cursor goes by the new predicate, one after it by the old one. So nothing is told
 * twice, and nothing left out, however records change meanwhile. Where the old predicate is not
 * known any more the differences are not either: then the feed begins anew (`segment_ready`).
 *
 * A run that mends goes by the member sets, for readers have those. It begins with **strays**:
 * members of an old set that are no records. They leave that set with the commit that tells so, and
 * before any record is visited: one that is created under their id is met as any other.
 *
 * With the end of a run the sizes of its segments are noted for history.
 */
import { isView, type StoredFilter } from '../catalog/catalog.ts';
import { CAUSES, type CauseCode, FEED_NEWS } from '../change/cause.ts';
import { compareEntries, STREAM_START } from '../change/entry-order.ts';
import {
  type FeedEvent,
  type FeedFlip,
  feedEntryId,
  feedFlip,
  type SegmentNews,
} from '../change/feed-event.ts';
import { compareIds } from '../change/id-order.ts';
import { pushTo } from '../multimap.ts';
import { entered, flippedPredicateId } from '../query/network/network.ts';
import { hasPredicateId } from '../query/network/predicate-ids.ts';
import type { CommitDraft } from './commit-draft.ts';
import type { CoreLimits } from './core-limits.ts';
import type { Networks } from './networks.ts';
import type { BatchDraft, Participant, Turn } from './participant.ts';
import type { ActivationTold, EntryId, PartitionMeta, RecordChunk } from './partition-store.ts';
import { type Asking, ask } from './requests.ts';
import type { ReadRows } from './row-cache.ts';
import { EFFECTS_MAX, type Step, type ToldRecord, type TouchedRecord } from './step.ts';

/** What the feed goes by for a segment, or for a view of a query of its own. */
export interface Followed {
  readonly predicateId: number;
  /** It was switched, and a run has not told all differences yet. */
  readonly edit?: {
    readonly from: number;
    readonly cause: CauseCode;
    /** The number of the run. */
    readonly run: number;
  };
}

/** A run over the records of a type: all up to `cursor` go by the new predicates. */
export interface FeedRun {
  readonly objectType: string;
  readonly cursor: string;
  /** The lowest version of the catalog of which it tells a switch. */
  readonly since: number;
}

/** A roll-back that was noticed: what was told after the entry `at` in epochs before is lost. */
export interface FeedEpoch {
  readonly epoch: number;
  readonly at: EntryId;
}

/** Roll-backs that are remembered; the oldest become one. */
const EPOCHS_MAX = 32;

/** Who is told of the flips of a predicate. */
interface Following {
  /** Undefined: of the feed nobody. */
  readonly feedId: number | undefined;
  readonly activations: readonly string[];
  /** During a run: only of records on one side of its cursor. */
  readonly side?: { readonly run: number; readonly isNew: boolean };
}

/** A segment of a run. */
interface Told {
  readonly from: number;
  readonly to: number;
  readonly cause: CauseCode;
  readonly following: Following;
}

/** Who is told of what, as long as nothing of it changes. */
interface Audience {
  readonly version: number;
  readonly byPredicate: ReadonlyMap<number, readonly Following[]>;
  readonly byRun: ReadonlyMap<number, readonly Told[]>;
}

/** The records of a run that a batch visits. */
interface Taken {
  readonly run: number;
  readonly objectType: string;
  readonly ids: readonly string[];
  readonly isLast: boolean;
  readonly rows: RecordChunk['rows'];
  /** By predicate, the ids that its member set holds: an audit has found it to be wrong. */
  readonly members: ReadonlyMap<number, ReadonlySet<string>>;
}

/** How far a run has looked for strays. Lost with the owner: the next one looks again. */
interface StraysPassed {
  readonly run: number;
  /** Predicates whose sets hold none any more. */
  readonly done: readonly number[];
  /** In the set of the next one. */
  readonly cursor: string | undefined;
}

/** Strays that a batch tells of. */
interface TakenStrays {
  readonly run: number;
  readonly objectType: string;
  readonly predicateId: number;
  readonly ids: readonly string[];
  readonly passed: StraysPassed;
}

/** What one commit changes here. */
class Changes {
  readonly followed = new Map<number, Followed | undefined>();
  readonly runs = new Map<number, FeedRun | undefined>();
  readonly news: SegmentNews[] = [];
  /** Segments of which nothing else is told in this commit. */
  readonly untold = new Set<number>();
  adopted = -1;
  epochs: readonly FeedEpoch[] | undefined;
  entry: EntryId | undefined;
}

export class PartitionFeed implements Participant {
  readonly #limits: CoreLimits;
  /** The id of its last entry. */
  #end: EntryId = STREAM_START;
  readonly #followed = new Map<number, Followed>();
  /** In the order in which they are worked off. */
  readonly #runs = new Map<number, FeedRun>();
  #epochs: readonly FeedEpoch[] = [];
  /** Where the partition was rolled back to, until that is stored. */
  #rolledBackTo: EntryId | undefined;
  /** A version that no partition was ever at: what the catalog holds is looked at once more. */
  #adopted = -1;
  #audience: Audience | undefined;
  #taken: Taken | undefined;
  #strays: TakenStrays | undefined;
  #straysPassed: StraysPassed | undefined;
  #planned: Changes | undefined;
  #isNews = false;

  constructor(limits: CoreLimits) {
    this.#limits = limits;
  }

  recover({
    feedEnd,
    followed,
    feedRuns,
    feedEpochs,
  }: Pick<PartitionMeta, 'feedEnd' | 'followed' | 'feedRuns' | 'feedEpochs'>): void {
    this.#end = feedEnd;
    this.#epochs = feedEpochs;
    for (const [feedId, each] of followed) this.#followed.set(feedId, each);
    for (const [run, each] of [...feedRuns].sort(([a], [b]) => a - b)) this.#runs.set(run, each);
  }

  /** The partition has lost what it had committed after this. */
  rolledBackTo(clockMs: number, number: number): void {
    this.#rolledBackTo = feedEntryId(clockMs, number);
  }

  begin(): void {
    this.#taken = undefined;
    this.#strays = undefined;
    this.#planned = undefined;
  }

  hasWork({ isHeldBack }: Turn): boolean {
    return this.#rolledBackTo !== undefined || (this.#runs.size > 0 && !isHeldBack);
  }

  /** The next records of the oldest run. */
  *work(batch: BatchDraft, { networks, recordsMax, isHeldBack }: Turn): Asking<boolean> {
    const [first] = this.#runs;
    if (!first || isHeldBack) return this.#rolledBackTo !== undefined;
    const [run, { objectType, cursor: after }] = first;
    const told = this.#audienceAt(networks).byRun.get(run) ?? NOBODY;
    const most = Math.min(recordsMax, this.#idsMax(told.length));
    const mended = told.filter(({ cause }) => cause === CAUSES.repaired);
    if (after === '') {
      const found = yield* this.#takeStrays(run, objectType, mended, most);
      if (found !== undefined) return found;
    }
    const bytesMax = this.#limits.kindBytesMax;
    const chunk = yield* ask({ kind: 'records-after', objectType, after, most, bytesMax });
    const ids = [...chunk.rows.keys()];
    const members = yield* this.#members(mended, ids);
    this.#taken = { run, objectType, ids, isLast: chunk.isEnd, rows: chunk.rows, members };
    if (ids.length > 0) batch.told = { objectType, ids };
    return true;
  }

  /** @returns whether the next part of a set holds strays; undefined: no set is left to look at */
  *#takeStrays(
    run: number,
    objectType: string,
    mended: readonly Told[],
    most: number,
  ): Asking<boolean | undefined> {
    const before = this.#straysPassed?.run === run ? this.#straysPassed : undefined;
    const { done, cursor }: Omit<StraysPassed, 'run'> = before ?? { done: [], cursor: undefined };
    const predicateId = mended.find(({ from }) => !done.includes(from))?.from;
    if (predicateId === undefined) return undefined;
    const walk = yield* ask({ kind: 'walk-strays', objectType, predicateId, cursor, most });
    const isDone = walk.cursor === undefined;
    const passed = { run, done: isDone ? [...done, predicateId] : done, cursor: walk.cursor };
    // A walk may meet a member twice.
    const ids = [...new Set(walk.items)];
    if (ids.length > 0) this.#strays = { run, objectType, predicateId, ids, passed };
    else this.#straysPassed = passed;
    return ids.length > 0;
  }

  *#members(told: readonly Told[], ids: readonly string[]): Asking<Taken['members']> {
    const members = new Map<number, ReadonlySet<string>>();
    if (ids.length === 0) return members;
    for (const { from } of told) {
      const held = yield* ask({ kind: 'are-members', predicateId: from, ids });
      members.set(from, new Set(ids.filter((_, at) => held[at])));
    }
    return members;
  }

  #idsMax(segments: number): number {
    const { backfillRecordsMin, backfillRecordsMax } = this.#limits;
    const rows = Math.floor(EFFECTS_MAX / Math.max(1, segments));
    return Math.max(backfillRecordsMin, Math.min(backfillRecordsMax, rows));
  }

  /** The rows that were read with the ids of this turn: nothing is committed in between. */
  get read(): ReadRows | undefined {
    return this.#taken && { objectType: this.#taken.objectType, rows: this.#taken.rows };
  }

  /** Whether the last commit is news for those who wait for a run to end. */
  get isNews(): boolean {
    return this.#isNews;
  }

  plan(writes: CommitDraft, made: Step, turn: Turn): void {
    const { networks } = turn;
    const changes = new Changes();
    this.#planned = changes;
    const audience = this.#audienceAt(networks);
    changes.adopted = networks.version;
    if (networks.version !== this.#adopted || turn.completing.length > 0)
      this.#adopt(changes, turn);
    const telling = new Telling(audience, this.#runs, changes.untold);
    if (this.#taken) this.#goOn(changes, this.#taken, made, telling, networks);
    if (this.#strays) {
      telling.addStrays(this.#strays);
      writes.strays = new Map([[this.#strays.predicateId, this.#strays.ids]]);
    }
    for (const record of made.records) if (record.liveFlips.length > 0) telling.add(record);
    if (this.#rolledBackTo !== undefined)
      changes.epochs = withEpoch(this.#epochs, this.#rolledBackTo);
    const { events } = telling;
    if (events.length > 0 || changes.news.length > 0) {
      writes.feed = { after: this.#end, control: changes.news, events };
      changes.entry = feedEntryId(writes.clockMs, turn.number);
    }
    writes.activations = telling.activations;
    writes.feedEpochs = changes.epochs;
    if (changes.followed.size > 0) writes.followed = changes.followed;
    if (changes.runs.size === 0) return;
    writes.feedRuns = changes.runs;
    writes.telling = this.#tellingAfter(changes.runs);
  }

  committed(): void {
    const changes = this.#planned!;
    this.#isNews = [...changes.runs.values()].includes(undefined);
    this.#adopted = changes.adopted;
    if (this.#strays) this.#straysPassed = this.#strays.passed;
    if (changes.entry !== undefined) this.#end = changes.entry;
    if (changes.epochs) {
      this.#epochs = changes.epochs;
      this.#rolledBackTo = undefined;
    }
    for (const [feedId, each] of changes.followed) setOrDelete(this.#followed, feedId, each);
    for (const [run, each] of changes.runs) setOrDelete(this.#runs, run, each);
    if (changes.followed.size > 0) this.#audience = undefined;
  }

  /** The lowest version of which something is still told; null: nothing is. */
  #tellingAfter(changed: Changes['runs']): number | null {
    const runs = new Map<number, FeedRun | undefined>([...this.#runs, ...changed]);
    const since = [...runs.values()].flatMap((run) => (run ? [run.since] : []));
    return since.length === 0 ? null : Math.min(...since);
  }

  // ——— Runs ———

  #goOn(
    changes: Changes,
    taken: Taken,
    { told }: Step,
    telling: Telling,
    networks: Networks,
  ): void {
    for (const record of told) telling.addDifferences(taken, record);
    const isDone = taken.isLast && told.length === taken.ids.length;
    const run = this.#runs.get(taken.run)!;
    if (!isDone) {
      const cursor = told.at(-1)?.id ?? run.cursor;
      if (!changes.runs.has(taken.run)) changes.runs.set(taken.run, { ...run, cursor });
      return;
    }
    changes.runs.set(taken.run, undefined);
    for (const [feedId, followed] of this.#followed) {
      const { predicateId, edit } = followed;
      if (edit?.run !== taken.run || changes.followed.has(feedId)) continue;
      changes.followed.set(feedId, { predicateId });
      if (networks.isSegment(feedId)) changes.news.push([FEED_NEWS.segment_counted, feedId]);
    }
  }

  // ——— The catalog ———

  /** What the segments of the catalog go by from this commit on. */
  #adopt(changes: Changes, turn: Turn): void {
    const present = new Set<number>();
    for (const filter of turn.networks.filters()) {
      present.add(filter.feedId);
      if (filter.predicateId !== null) this.#follow(changes, filter, filter.predicateId, turn);
    }
    for (const feedId of this.#followed.keys()) {
      if (present.has(feedId)) continue;
      changes.followed.set(feedId, undefined);
      changes.untold.add(feedId);
      if (turn.networks.isSegment(feedId)) changes.news.push([FEED_NEWS.segment_deleted, feedId]);
    }
    const kept = new Map<number, Followed | undefined>([...this.#followed, ...changes.followed]);
    const running = new Set([...kept.values()].map((each) => each?.edit?.run));
    for (const run of this.#runs.keys()) if (!running.has(run)) changes.runs.set(run, undefined);
  }

  #follow(changes: Changes, filter: StoredFilter, predicateId: number, turn: Turn): void {
    const { networks } = turn;
    const { feedId } = filter;
    const known = this.#followed.get(feedId);
    if (!networks.has(predicateId)) {
      // It has failed: once it is mended, its members are to be read anew.
      if (!known) return;
      changes.followed.set(feedId, undefined);
      changes.untold.add(feedId);
    } else if (known?.predicateId === predicateId) {
      if (known.edit && !networks.has(known.edit.from)) beginAnew(changes, filter, predicateId);
    } else if (turn.isAnswered(predicateId)) {
      const from = known ? withoutEdit(known) : movedFrom(filter);
      if (from === undefined || !networks.has(from) || !turn.isAnswered(from))
        beginAnew(changes, filter, predicateId);
      else this.#beginRun(changes, filter, from, networks.version);
    }
  }

  #beginRun(changes: Changes, filter: StoredFilter, from: number, version: number): void {
    const { feedId, object_type: objectType, predicateId, telling } = filter;
    const { cause = CAUSES.segment_edited, since = version } = telling ?? {};
    const isSame = (each: FeedRun | undefined) => each?.objectType === objectType;
    const begun = [...changes.runs].find(
      ([number, each]) => !this.#runs.has(number) && isSame(each),
    );
    const number = begun?.[0] ?? Math.max(0, ...this.#runs.keys(), ...changes.runs.keys()) + 1;
    const lowest = Math.min(since, begun?.[1]?.since ?? since);
    changes.runs.set(number, { objectType, cursor: '', since: lowest });
    changes.followed.set(feedId, { predicateId: predicateId!, edit: { from, cause, run: number } });
  }

  // ——— Who is told ———

  #audienceAt(networks: Networks): Audience {
    const { version } = networks;
    if (this.#audience?.version !== version)
      this.#audience = { version, ...audienceOf(this.#followed, networks) };
    return this.#audience;
  }
}

/** The feed knows nothing of a segment before this commit. */
function beginAnew(changes: Changes, filter: StoredFilter, predicateId: number): void {
  const { feedId } = filter;
  changes.followed.set(feedId, { predicateId });
  changes.untold.add(feedId);
  if (!isView(filter)) changes.news.push([FEED_NEWS.segment_ready, feedId]);
}

/** A switch during a run: what was told is of two predicates, and differs from both. */
function withoutEdit({ predicateId, edit }: Followed): number | undefined {
  return edit ? undefined : predicateId;
}

/** A view that was of a segment shows its members until its own query is built. */
function movedFrom(filter: StoredFilter): number | undefined {
  return isView(filter) ? filter.telling?.predicateId : undefined;
}

function withEpoch(epochs: readonly FeedEpoch[], at: EntryId): readonly FeedEpoch[] {
  const all = [...epochs, { epoch: (epochs.at(-1)?.epoch ?? 0) + 1, at }];
  const [first, second, ...rest] = all;
  if (all.length <= EPOCHS_MAX) return all;
  const earlier = compareEntries(first!.at, second!.at) < 0 ? first!.at : second!.at;
  return [{ epoch: second!.epoch, at: earlier }, ...rest];
}

function setOrDelete<V>(map: Map<number, V>, key: number, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

const NOBODY: readonly never[] = [];

/**
 * Activations that are told of edits go by what the feed goes by; the others go by the predicate
 * that answers, from the switch on.
 */
function audienceOf(
  followed: ReadonlyMap<number, Followed>,
  networks: Networks,
): Omit<Audience, 'version'> {
  const byPredicate = new Map<number, Following[]>();
  const byRun = new Map<number, Told[]>();
  const add = (predicateId: number, { side, ...to }: Following) => {
    if (to.feedId === undefined && to.activations.length === 0) return;
    pushTo(byPredicate, predicateId, side ? { ...to, side } : to);
  };
  for (const filter of networks.filters()) {
    const { plain, ofEdits } = networks.followers.get(filter.feedId) ?? NO_FOLLOWERS;
    const known = followed.get(filter.feedId);
    const feedId = isView(filter) ? undefined : filter.feedId;
    if (known && !known.edit && known.predicateId === filter.predicateId) {
      const activations = ofEdits.length === 0 ? plain : [...plain, ...ofEdits];
      add(known.predicateId, { feedId, activations });
      continue;
    }
    if (filter.predicateId !== null)
      add(filter.predicateId, { feedId: undefined, activations: plain });
    if (!known) continue;
    const following = { feedId, activations: ofEdits };
    const { predicateId: to, edit } = known;
    if (!edit) {
      add(to, following);
      continue;
    }
    const { from, cause, run } = edit;
    add(from, { ...following, side: { run, isNew: false } });
    add(to, { ...following, side: { run, isNew: true } });
    pushTo(byRun, run, { from, to, cause, following });
  }
  return { byPredicate, byRun };
}

const NO_FOLLOWERS = { plain: NOBODY, ofEdits: NOBODY };

/** Collects what one commit tells. */
class Telling {
  readonly events: FeedEvent[] = [];
  readonly activations: ActivationTold[] = [];
  readonly #audience: Audience;
  readonly #runs: ReadonlyMap<number, FeedRun>;
  readonly #untold: ReadonlySet<number>;
  /** Records of which the differences of a run are told. */
  #visited: { readonly run: number; readonly ids: Set<string> } | undefined;
  /** Of the record that was told last. */
  #id: string | undefined;
  #objectType = '';
  #cause: CauseCode = CAUSES.record_changed;
  #flips: FeedFlip[] = [];

  constructor(audience: Audience, runs: ReadonlyMap<number, FeedRun>, untold: ReadonlySet<number>) {
    this.#audience = audience;
    this.#runs = runs;
    this.#untold = untold;
  }

  /** What a change, a neighbour or the clock has made of a record. */
  add({ objectType, id, liveFlips, cause: only, causes }: TouchedRecord): void {
    this.#id = undefined;
    for (let at = 0; at < liveFlips.length; at++) {
      const flip = liveFlips[at]!;
      const following = this.#audience.byPredicate.get(flippedPredicateId(flip));
      if (!following) continue;
      const cause = causes ? causes[at]! : only;
      for (const each of following)
        if (each.side === undefined || this.#isMeant(each.side, id))
          this.#tell(objectType, id, entered(flip), cause, each);
    }
  }

  /**
   * What a run finds at a record: the difference between what held by the old predicate before
   * this commit and what holds by the new one after it.
   */
  addDifferences({ run, objectType, members }: Taken, { id, before, after }: ToldRecord): void {
    this.#visited ??= { run, ids: new Set() };
    this.#visited.ids.add(id);
    this.#id = undefined;
    for (const { from, to, cause, following } of this.#audience.byRun.get(run) ?? NOBODY) {
      const was = members.get(from)?.has(id) ?? hasPredicateId(before, from);
      const is = hasPredicateId(after, to);
      if (was === is) continue;
      // A visit changes nothing of a record but what time has made of it.
      const why = hasPredicateId(after, from) === is && !members.has(from) ? CAUSES.time : cause;
      this.#tell(objectType, id, is, why, following);
    }
  }

  /** They leave each segment that went by the set which held them. */
  addStrays({ run, objectType, predicateId, ids }: TakenStrays): void {
    const told = this.#audience.byRun.get(run) ?? NOBODY;
    this.#id = undefined;
    for (const id of ids)
      for (const { from, cause, following } of told)
        if (from === predicateId) this.#tell(objectType, id, false, cause, following);
  }

  #isMeant({ run, isNew }: NonNullable<Following['side']>, id: string): boolean {
    if (this.#visited?.run === run && this.#visited.ids.has(id)) return false;
    const { cursor } = this.#runs.get(run)!;
    return compareIds(id, cursor) <= 0 === isNew;
  }

  #tell(
    objectType: string,
    id: string,
    enters: boolean,
    cause: CauseCode,
    { feedId, activations }: Following,
  ): void {
    if (activations.length > 0) this.activations.push([objectType, id, enters, cause, activations]);
    if (feedId === undefined || this.#untold.has(feedId)) return;
    if (this.#id !== id || this.#objectType !== objectType || this.#cause !== cause) {
      this.#flips = [];
      [this.#id, this.#objectType, this.#cause] = [id, objectType, cause];
      this.events.push([objectType, id, cause, this.#flips]);
    }
    this.#flips.push(feedFlip(feedId, enters));
  }
}
