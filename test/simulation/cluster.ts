/**
 * cluster.ts – A whole deployment in memory: the store, processes with their replicas of the
 * catalog, an owner per partition and those that it has taken over from, writers – and a chooser
 * that decides what happens next.
 *
 * Keeps true: everything that happens is one of the steps below, so that a seed replays it; nothing
 * in it knows what ought to come out (model.ts and check.ts do).
 */
import { ObjectTypes } from '../../src/catalog/object-types.ts';
import { Segments } from '../../src/catalog/segments.ts';
import type { Change } from '../../src/change/change.ts';
import type { ObjectType } from '../../src/change/object-type.ts';
import { partitionOf } from '../../src/change/partition.ts';
import type { Precondition, TaggedRevision } from '../../src/change/precondition.ts';
import { exists, recordTag } from '../../src/change/record.ts';
import { type Built, settle } from '../../src/engine/build-switch.ts';
import type { Participants } from '../../src/engine/participants.ts';
import { Problem } from '../../src/errors.ts';
import { Looks } from '../../src/membership/looks.ts';
import type { Failure } from '../../src/query/failure.ts';
import { hopsFrom } from '../../src/query/predicate/relationships.ts';
import type { Attributes } from '../../src/query/predicate/view.ts';
import { Keys } from '../../src/redis/keys.ts';
import type { Choose } from '../support/memory-deployment.ts';
import { Process, StoredCatalog } from './catalogs.ts';
import { checkOutgoing } from './check.ts';
import { CheckFailure } from './check-failure.ts';
import { type Guards, Wire } from './faults.ts';
import { statusStoreOf } from './memory-looks.ts';
import { MemoryPartitionStore, type PartitionContent } from './memory-partition-store.ts';
import { Model } from './model.ts';
import { Owner } from './owner.ts';
import { TROUBLES, type Trouble } from './poison.ts';
import { pick, type Subject } from './subjects.ts';
import { Writer } from './writer.ts';

const PARTITIONS = 3;
const PROCESSES = 3;
const SEGMENTS_MAX = 6;
/** Processes learn of a new version of the catalog this many times more slowly than of all else. */
const LAG = 30;
/**
 * Of what waits, so much is done in one step: else segments are hardly ever built while faults go
 * on.
 */
const WORKS_MAX = 14;
/** Copies that are under way arrive so many times more slowly than all else is done. */
const LATE_ONE_IN = 20;
const SETTLING_STEPS_MAX = 20_000;
/** One change in so many throws when it is applied, or the process dies of it. */
const TROUBLE_ONE_IN = 40;
/** One change in so many says which version it is at its source. */
const SOURCED_ONE_IN = 3;
/** An owner that goes without a word leaves something to be careful about once in so many times. */
const DESERTED_ONE_IN = 4;
/** When time goes on, the clock of one process stays behind in one case of so many. */
const LATE_CLOCK_ONE_IN = 4;

/**
 * What the predicate id of a segment stands for: its rule, over the types as they were declared.
 */
export interface Meaning {
  readonly objectType: string;
  readonly rule: unknown;
  readonly types: ReadonlyMap<string, ObjectType>;
}

type Happening = () => void | Promise<void>;

export class Cluster {
  readonly keys = new Keys('rc', PARTITIONS);
  readonly stores: readonly MemoryPartitionStore[];
  readonly catalog = new StoredCatalog();
  /** They keep counts as long as the deployment lives: some look often, some seldom. */
  readonly readers: readonly { readonly looks: Looks; readonly everySteps: number }[];
  readonly model = new Model();
  /**
   * Of predicate ids that answer, or did; not of those that were found out under an attribute's
   * older type.
   */
  readonly meanings = new Map<number, Meaning>();
  /** Whether what is built is switched to now and then, without a barrier. */
  isSwitching = true;
  readonly #segments = new Segments(this.catalog.writer, 'UTC');
  readonly #objectTypes = new ObjectTypes(this.catalog.writer, 'UTC', () => Promise.resolve(false));
  readonly #choose: Choose;
  readonly #guards: Guards;
  readonly #change: ((participants: Participants) => void) | undefined;
  readonly #wire: Wire;
  readonly #processes: readonly Process[];
  #owners: Owner[] = [];
  readonly #writers: readonly Writer[];
  /** By partition, the changes of each kind that can't be applied. */
  readonly troubles: readonly Record<Trouble, number>[];
  /** Partitions that have lost a tail. */
  readonly rolledBack = new Set<number>();
  /** Partitions whose owner has died of what it evaluated. */
  readonly #deadly = new Set<number>();
  /** What writers have seen of records, and how often those had become others by then. */
  readonly #seen = new Map<string, { readonly tag: TaggedRevision; readonly edits: number }>();
  /** How many preconditions were met, and how many failed. */
  readonly conditions = { met: 0, failed: 0 };
  readonly #losesTails: boolean;
  readonly #remembered = new Map<number, PartitionContent>();
  readonly #subject: Subject;
  /** A relationship that may be declared after its records exist. */
  #undeclared: readonly [objectType: string, relationship: string] | undefined;
  #nowMs: number;
  #tokens = 0;
  #ids = 0;
  #sourceVersion = 0;
  #slugs = 0;

  /** `change` leaves out a part of each owner's participants: a canary. */
  constructor(
    choose: Choose,
    guards: Guards,
    subject: Subject,
    change?: (participants: Participants) => void,
  ) {
    this.#change = change;
    this.#subject = subject;
    this.#nowMs = subject.time.startMs;
    this.#choose = choose;
    this.#guards = guards;
    this.#wire = new Wire(choose);
    const nextId = () => ++this.#ids;
    this.stores = this.keys.partitions.map(() => new MemoryPartitionStore({ guards, nextId }));
    const statuses = statusStoreOf(this.stores, () => this.#nowMs, guards);
    this.readers = [5, 20, 60].map((everySteps) => ({ looks: new Looks(statuses), everySteps }));
    this.#losesTails = choose(2) === 0;
    const relationships = Object.entries(subject.definitions).flatMap(([objectType, definition]) =>
      Object.keys(definition.relationships).map(
        (relationship) => [objectType, relationship] as const,
      ),
    );
    this.#undeclared = relationships[choose(relationships.length + 1)];
    this.#declare();
    const { isTooCostly } = subject;
    const options = isTooCostly ? { isTooCostly } : {};
    this.#processes = Array.from({ length: PROCESSES }, () => new Process(this.catalog, options));
    this.#writers = this.stores.map((store) => new Writer(store));
    this.troubles = this.stores.map(() => ({ poison: 0, deadly: 0 }));
    for (let partition = 0; partition < PARTITIONS; partition++) this.#takeOver(partition);
  }

  /** Whether programs take too much for a record, in this subject. */
  get isTooCostly(): (attributes: Attributes) => boolean {
    return this.#subject.isTooCostly ?? (() => false);
  }

  /** The clock of the server: it stands still but for `passTime`. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Does one thing that can happen. */
  async step(): Promise<void> {
    const kind = this.#choose(100);
    if (kind < 22) return this.#write();
    if (kind < 29) return this.#changeCatalog();
    if (kind < 43) return this.#befall();
    if (kind < 52) return this.#passTimeUnevenly();
    for (let works = this.#choose(WORKS_MAX); works >= 0; works--) await this.workOff();
  }

  /**
   * Time goes on by chance, or up to the moment at which the first record is due, or the last one
   * before it.
   */
  passTime(): void {
    const { strideMs } = this.#subject.time;
    const firstMs = Math.min(
      ...this.stores.flatMap(({ content }) =>
        [...content.timers.values()].map(({ dueMs }) => dueMs),
      ),
    );
    const toMs = firstMs - this.#choose(2);
    const isNear = toMs > this.#nowMs && toMs <= this.#nowMs + strideMs;
    this.#nowMs = isNear && this.#choose(2) === 0 ? toMs : this.#nowMs + this.#choose(strideMs);
  }

  /** Time goes on to a moment. */
  passTo(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  /** Time goes on, and perhaps not for all. */
  #passTimeUnevenly(): void {
    this.passTime();
    if (this.#choose(LATE_CLOCK_ONE_IN) > 0) return;
    pick(this.#choose, this.#processes).lateMs = this.#choose(this.#subject.time.strideMs);
  }

  /** No more faults: whatever is under way comes to an end. */
  async settle(): Promise<void> {
    this.#wire.isFaulty = false;
    this.#wake();
    let steps = 0;
    do {
      while (await this.workOff()) {
        if (++steps > SETTLING_STEPS_MAX)
          throw new CheckFailure('rest', 'the deployment does not come to rest');
      }
      this.recall();
      checkOutgoing(this);
      this.settleBuilds();
    } while ((await this.#work()).length > 0);
    this.#wire.isFaulty = true;
    this.recall();
  }

  /**
   * What a fail-over has lost is lost: records of that partition are what they are, and all else
   * has to be right about them.
   */
  recall(): void {
    for (const partition of this.rolledBack) this.#recall(partition);
  }

  #recall(partition: number): void {
    const isHere = (id: string) => partitionOf(id, PARTITIONS) === partition;
    for (const key of this.#seen.keys())
      if (isHere(key.slice(key.indexOf(':') + 1))) this.#seen.delete(key);
    this.model.forget(isHere);
    for (const objectType of this.catalog.catalog.objectTypes.keys())
      for (const [id, { record }] of this.stores[partition]!.rowsOf(objectType))
        this.model.recall(objectType, id, record);
  }

  /** Wakes everybody, and goes on until all changes are in their logs. */
  async acknowledge(): Promise<void> {
    this.#wake();
    while (this.#writers.some(({ isWaiting }) => isWaiting)) await this.workOff();
  }

  #wake(): void {
    for (const owner of this.#owners) owner.isPaused = false;
    for (const process of this.#processes) process.lateMs = 0;
  }

  /** Does something that waits to be done; false if nothing does. */
  async workOff(): Promise<boolean> {
    const work = await this.#work();
    if (work.length === 0) return false;
    await pick(this.#choose, work)();
    for (const process of this.#processes) if (process.isDying) this.#die(process);
    this.#owners = this.#owners.filter(({ isGone }) => !isGone);
    return true;
  }

  async #work(): Promise<Happening[]> {
    const work: Happening[] = [];
    for (const owner of this.#owners) {
      if (owner.isPaused) continue;
      if (owner.canGoOn) work.push(() => owner.goOn());
      if (await owner.noticesLoss()) work.push(() => this.#kill((each) => each === owner));
      for (const target of owner.targets) work.push(() => owner.send(target));
    }
    for (const writer of this.#writers)
      if (writer.isWaiting) work.push(() => writer.send(this.#wire));
    for (const process of this.#processes) {
      if (process.isBehind && (!this.#wire.isFaulty || this.#choose(LAG) === 0))
        work.push(() => process.follow());
    }
    // Copies are under way for long, so that some arrive after a take-over.
    const isArriving = !this.#wire.isFaulty || this.#choose(LATE_ONE_IN) === 0;
    if (this.#wire.late.length > 0 && isArriving) work.push(() => this.#wire.arrive());
    for (let partition = 0; partition < PARTITIONS; partition++)
      if (!this.#ownerOf(partition)) work.push(() => this.#takeOver(partition));
    return work;
  }

  // ── Faults ──

  async #befall(): Promise<void> {
    switch (this.#choose(this.#losesTails ? 9 : 7)) {
      case 6: {
        // one is stopped in good order, perhaps while it waits for the answer to a commit
        const committing = this.#owners.filter(({ isCommitting }) => isCommitting);
        const owner = committing.length > 0 ? pick(this.#choose, committing) : this.#anyOwner();
        await owner?.stop();
        this.#owners = this.#owners.filter(({ isGone }) => !isGone);
        return;
      }
      case 7:
        this.#remember(this.#choose(PARTITIONS));
        return;
      case 8: {
        const partition = this.#choose(PARTITIONS);
        this.#rollBack(partition);
        // somebody else may be at hand, while the owner of before still has something under way
        if (this.#choose(2) === 0) this.#takeOver(partition);
        return;
      }
      case 0: {
        // an owner dies; what it had sent may still arrive
        const owner = this.#anyOwner();
        this.#kill((each) => each === owner);
        return;
      }
      case 1: // its lease runs out while it goes on, unknowing
      case 2:
        this.#takeOver(this.#choose(PARTITIONS));
        return;
      case 3: {
        const owner = this.#anyOwner();
        if (owner) owner.isPaused = true;
        return;
      }
      case 4: // those that were paused wake up
        for (const owner of this.#owners) owner.isPaused = false;
        return;
      default: {
        const process = pick(this.#choose, this.#processes);
        this.#kill((owner) => owner.process === process);
        process.restart();
      }
    }
  }

  #remember(partition: number): void {
    this.#remembered.set(partition, this.stores[partition]!.remember());
  }

  /** A fail-over: the partition's keys are as its replica had them. */
  #rollBack(partition: number): void {
    const content = this.#remembered.get(partition);
    if (!content) return;
    this.stores[partition]!.rollBack(content);
    this.rolledBack.add(partition);
  }

  #anyOwner(): Owner | undefined {
    return this.#owners.length === 0 ? undefined : pick(this.#choose, this.#owners);
  }

  #kill(isHit: (owner: Owner) => boolean): void {
    for (const owner of this.#owners) if (isHit(owner)) owner.abandon();
    this.#owners = this.#owners.filter(({ isGone }) => !isGone);
  }

  /** A process dies of what it evaluates: whoever comes next finds what that was. */
  #die(process: Process): void {
    for (const owner of this.#owners) {
      if (owner.process !== process) continue;
      if (owner.isDeadly) this.#deadly.add(owner.partition);
      owner.abandon();
    }
    process.restart();
  }

  #ownerOf(partition: number): Owner | undefined {
    return this.#owners.find((owner) => owner.partition === partition && owner.holdsLease);
  }

  #takeOver(partition: number): void {
    const { stores, rolledBack } = this;
    const [wire, guards, choose] = [this.#wire, this.#guards, this.#choose];
    const process = pick(choose, this.#processes);
    // Owners die so often here that pieces would be set aside for deaths that are not their own.
    if (!this.#deadly.delete(partition)) stores[partition]!.excuse(choose(DESERTED_ONE_IN) > 0);
    const owner = new Owner(partition, process, `t${++this.#tokens}`, {
      stores,
      rolledBack,
      wire,
      guards,
      choose,
      nowMs: () => this.#nowMs - process.lateMs,
      strideMs: this.#subject.time.strideMs,
      nextId: () => ++this.#ids,
      change: this.#change,
    });
    this.#owners.push(owner);
  }

  // ── Writers ──

  #write(): void {
    const changes = [this.#nextChange()];
    const partition = partitionOf(changes[0]!.id, PARTITIONS);
    this.#apply(changes[0]!);
    while (this.#choose(2) === 0) {
      const change = this.#nextChange();
      if (partitionOf(change.id, PARTITIONS) !== partition) break;
      this.#apply(change);
      changes.push(change);
    }
    if (this.#choose(TROUBLE_ONE_IN) === 0) changes.push(this.#trouble(partition, changes[0]!));
    this.#send(partition, changes);
  }

  #apply(change: Change): void {
    const { object_type: objectType, id, precondition } = change;
    const { match, absent } = precondition ?? { match: '*' };
    const isThere = this.model.get(objectType, id) !== undefined;
    const seen = this.#seen.get(`${objectType}:${id}`);
    const isAsSeen = isThere && seen?.edits === this.model.editsOf(objectType, id);
    const isMet = absent ? !isThere : match === '*' ? isThere : isAsSeen;
    if (precondition) this.conditions[isMet ? 'met' : 'failed']++;
    this.model.apply(change, isMet);
  }

  /** What writers see from now on, until they look again. Caller: the deployment is at rest. */
  look(): void {
    this.#seen.clear();
    for (const objectType of this.catalog.catalog.objectTypes.keys())
      for (const store of this.stores)
        for (const [id, { record }] of store.rowsOf(objectType)) {
          if (!exists(record)) continue;
          const edits = this.model.editsOf(objectType, id);
          this.#seen.set(`${objectType}:${id}`, { tag: recordTag(record), edits });
        }
  }

  #nextPrecondition({ object_type: objectType, id }: Change): Precondition {
    const { tag } = this.#seen.get(`${objectType}:${id}`) ?? {};
    switch (this.#choose(4)) {
      case 0:
        return { absent: true };
      case 1:
        return { match: '*' };
      default:
        return { match: tag ? [['another', 1], tag] : [['another', 1]] };
    }
  }

  #nextChange(): Change {
    const drawn = this.#subject.change(this.#choose, this.model, this.#nowMs);
    const isConditional = this.#subject.isConditional && this.#choose(2) === 0;
    const precondition = isConditional ? { precondition: this.#nextPrecondition(drawn) } : {};
    const change = { ...drawn, ...precondition };
    if (this.#choose(SOURCED_ONE_IN) > 0) return change;
    return { ...change, source_version: ++this.#sourceVersion };
  }

  /** A change that can't be applied: the model knows nothing of it. */
  #trouble(partition: number, change: Change): Change {
    const trouble = pick(this.#choose, TROUBLES);
    this.troubles[partition]![trouble]++;
    return { ...change, id: trouble };
  }

  #send(partition: number, changes: readonly Change[]): void {
    // The values fit the types as they were first declared, and nobody has looked at them since.
    const isRetyped = [...this.catalog.catalog.objectTypes.values()].some(
      ({ revision }) => revision > 1,
    );
    const checkedAt = this.#choose(12) === 0 && !isRetyped ? this.catalog.version : 1;
    const payload = JSON.stringify(changes);
    this.#writers[partition]!.write({ checkedAt, replyTo: undefined, payload });
  }

  // ── Catalog ──

  async #changeCatalog(): Promise<void> {
    await this.#changeDeclarations();
    this.#noteMeanings();
  }

  /** Every segment gets another query; nothing of it is built yet. */
  async editAll(): Promise<void> {
    for (const slug of [...this.catalog.catalog.segments.keys()]) await this.#assign(slug);
    this.#noteMeanings();
  }

  /** There are as many segments as there may be. */
  async fillSegments(): Promise<void> {
    while (this.catalog.catalog.segments.size < SEGMENTS_MAX)
      await this.#assign(`s${++this.#slugs}`);
    this.#noteMeanings();
  }

  /** Each segment gets the query of the next one of its type: that is built already. */
  async shiftAll(): Promise<void> {
    const all = [...this.catalog.catalog.segments.values()];
    for (const [at, { slug, title, object_type: objectType }] of all.entries()) {
      const next = all.slice(at + 1).find((each) => each.object_type === objectType);
      if (!next) continue;
      const segment = { slug, title, object_type: objectType, query: next.query };
      await unlessRefused(this.#segments.replace(slug, segment));
    }
    this.#noteMeanings();
  }

  /** All that is stored anew, as a repair has it done. */
  async rebuild(): Promise<void> {
    await this.#objectTypes.rebuild();
    this.#noteMeanings();
  }

  async #changeDeclarations(): Promise<void> {
    const slugs = [...this.catalog.catalog.segments.keys()];
    switch (this.#choose(8)) {
      case 0:
        if (slugs.length > 0) await unlessRefused(this.#segments.remove(pick(this.#choose, slugs)));
        return;
      case 1:
        if (this.#undeclared) {
          this.#undeclared = undefined;
          this.#declare();
        }
        return;
      case 2:
        if (this.isSwitching) this.settleBuilds();
        return;
      case 3:
        if (slugs.length > 0) await this.#assign(pick(this.#choose, slugs));
        return;
      case 4:
        return this.#redeclare();
      default:
        if (slugs.length < SEGMENTS_MAX) await this.#assign(`s${++this.#slugs}`);
    }
  }

  #declare(): void {
    this.catalog.draft((draft) => {
      for (const [name, { attributes, relationships }] of Object.entries(
        this.#subject.definitions,
      )) {
        const [holder, undeclared] = this.#undeclared ?? [];
        const declared = Object.entries(relationships).filter(
          ([each]) => name !== holder || each !== undeclared,
        );
        // Relationships do not change what a type's values have to be: the revision stays.
        draft.setObjectType(name, {
          attributes,
          relationships: Object.fromEntries(declared),
          revision: 1,
        });
      }
      draft.edgesWithIds();
    });
  }

  /**
   * Declares a type otherwise, in part or as a whole, or as it was before; nothing if a segment
   * could not be told any more.
   */
  async #redeclare(): Promise<void> {
    const { definitions, otherwise = {} } = this.#subject;
    const names = Object.keys(otherwise);
    if (names.length === 0 || this.#undeclared) return;
    const name = pick(this.#choose, names);
    const either = [definitions[name]!, otherwise[name]!];
    const { attributes } = pick(this.#choose, either);
    const relationships = Object.fromEntries(
      Object.keys(definitions[name]!.relationships).map((each) => [
        each,
        pick(this.#choose, either).relationships[each]!,
      ]),
    );
    await unlessRefused(this.#objectTypes.put(name, { attributes, relationships }));
  }

  #noteMeanings(): void {
    const { segments, objectTypes, predicateIds } = this.catalog.catalog;
    const types = new Map(objectTypes);
    for (const {
      predicateId,
      pending,
      object_type: objectType,
      json_logic: rule,
    } of segments.values())
      if (predicateId !== null && pending === null)
        this.meanings.set(predicateId, { objectType, rule, types });
    for (const predicateId of this.meanings.keys())
      if (predicateIds.get(predicateId)?.key.startsWith('outdated ') !== false)
        this.meanings.delete(predicateId);
  }

  /** Gives a new segment, or one that there is, a query. */
  async #assign(slug: string): Promise<void> {
    const old = this.catalog.catalog.segments.get(slug);
    const queries = this.#subject.queries.filter(
      ({ objectType }) => !old || objectType === old.object_type,
    );
    const { objectType, query } = pick(this.#choose, queries);
    const segment = {
      slug,
      title: slug,
      object_type: objectType,
      query: this.#withSegment(objectType, query),
    };
    await unlessRefused(
      old ? this.#segments.replace(slug, segment) : this.#segments.create(segment),
    );
  }

  /**
   * Now and then a query that speaks of another segment too: of the record itself, or of many that
   * lie a step away.
   */
  #withSegment(objectType: string, query: unknown): unknown {
    const { segments, objectTypes } = this.catalog.catalog;
    if (segments.size === 0 || this.#choose(3) > 0 || !isRuleGroup(query)) return query;
    const used = pick(this.#choose, [...segments.values()]);
    const membership = {
      operator: pick(this.#choose, ['inSegment', 'notInSegment']),
      value: used.slug,
    };
    if (used.object_type === objectType) return { combinator: 'and', rules: [query, membership] };
    const hops = hopsFrom(objectTypes.get(objectType)!, objectTypes);
    const ways = hops.filter(({ many, target }) => many && target === used.object_type);
    if (ways.length === 0) return query;
    const value = { combinator: 'and', rules: [membership] };
    const some = {
      field: pick(this.#choose, ways).name,
      operator: '=',
      match: { mode: 'some' },
      value,
    };
    return { combinator: pick(this.#choose, ['and', 'or']), rules: [query, some] };
  }

  /** What build-switch.ts reads. */
  built(): Built {
    const contents = this.stores.map(({ content }) => content);
    const isBuilt = (predicateId: number) =>
      contents.every(({ counts }) => counts.has(predicateId));
    const adopted = Math.min(...contents.map(({ catalogVersion }) => catalogVersion));
    const built = new Set([...this.catalog.catalog.predicateIds.keys()].filter(isBuilt));
    const telling = Math.min(...contents.map((each) => each.telling ?? Number.POSITIVE_INFINITY));
    return { built, adopted, failed: new Map(this.#failures()), telling };
  }

  #failures(): [number, Failure][] {
    return this.stores.flatMap(({ content }) => [...content.failed]);
  }

  /** What has failed in a partition or in the catalog, and all that reads it. */
  failed(): ReadonlySet<number> {
    const { catalog } = this.catalog;
    const failed = new Set(this.#failures().map(([predicateId]) => predicateId));
    const isFailed = (predicateId: number) =>
      failed.has(predicateId) || catalog.predicateIds.get(predicateId)?.status === 'failed';
    return new Set(
      [...catalog.predicateIds.keys()].filter((each) =>
        [...catalog.withReads([each])].some(isFailed),
      ),
    );
  }

  /**
   * What build-switch.ts writes. Without its barrier before (builds.test.ts), nobody may read until
   * all is quiet.
   */
  settleBuilds(built = this.built()): void {
    this.catalog.write((catalog) => settle(catalog, built));
    this.#noteMeanings();
  }
}

/**
 * A segment that others use is not removed, a query that is none of what is declared now is not
 * taken, and so on.
 */
async function unlessRefused(change: Promise<unknown>): Promise<void> {
  try {
    await change;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
  }
}

function isRuleGroup(query: unknown): boolean {
  return typeof query === 'object' && query !== null && 'rules' in query;
}
