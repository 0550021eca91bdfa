/**
 * cluster.ts – A whole deployment in memory: the store, processes with their replicas of the catalog, an owner per partition and
 * those that it has taken over from, writers – and a chooser that decides what happens next.
 *
 * Keeps true: everything that happens is one of the steps below, so that a seed replays it; nothing in it knows what ought to
 * come out (model.ts and check.ts do).
 */
import { reassign } from '../../src/catalog/segments.ts';
import type { Change } from '../../src/change/change.ts';
import { partitionOf } from '../../src/change/partition.ts';
import { unpackRecord } from '../../src/change/record.ts';
import { LOG_FIELDS } from '../../src/engine/batch.ts';
import { settle } from '../../src/engine/build-switch.ts';
import type { Place } from '../../src/membership/place.ts';
import { compileQuery } from '../../src/query/compile.ts';
import { Keys } from '../../src/redis/keys.ts';
import type { Choose } from '../support/memory-deployment.ts';
import { Process, StoredCatalog } from './catalogs.ts';
import { type Guards, Wire } from './faults.ts';
import { Lane } from './lane.ts';
import { Model } from './model.ts';
import { Owner } from './owner.ts';
import { type PartitionContent, Store } from './store.ts';
import { pick, type Subject } from './subjects.ts';

const PARTITIONS = 3;
const PROCESSES = 3;
const SEGMENTS_MAX = 6;
/** Processes learn of a new version of the catalog this many times more slowly than of all else. */
const LAG = 30;
const SETTLING_STEPS_MAX = 20_000;

interface LogAppend extends Place {
  readonly fields: readonly string[];
}

type Happening = () => void | Promise<void>;

export class Cluster {
  readonly keys = new Keys('rc', PARTITIONS);
  readonly store: Store;
  readonly catalog = new StoredCatalog();
  readonly model = new Model();
  readonly #choose: Choose;
  readonly #guards: Guards;
  readonly #wire: Wire;
  readonly #processes: readonly Process[];
  #owners: Owner[] = [];
  readonly #writers: readonly Lane<LogAppend>[];
  /** The place of each writer's last entry. */
  readonly #written: Place[];
  /** Partitions that have lost a tail. */
  readonly rolledBack = new Set<number>();
  readonly #losesTails: boolean;
  readonly #remembered = new Map<number, PartitionContent>();
  readonly #subject: Subject;
  /** A relationship that may be declared after its records exist. */
  #undeclared: readonly [objectType: string, relationship: string] | undefined;
  #clock = 1;
  #tokens = 0;
  #slugs = 0;

  constructor(choose: Choose, guards: Guards, subject: Subject) {
    this.#subject = subject;
    this.#choose = choose;
    this.#guards = guards;
    this.#wire = new Wire(choose);
    this.store = new Store(guards);
    this.#losesTails = choose(2) === 0;
    const relationships = Object.entries(subject.definitions).flatMap(([objectType, definition]) =>
      Object.keys(definition.relationships).map((relationship) => [objectType, relationship] as const),
    );
    this.#undeclared = relationships[choose(relationships.length + 1)];
    this.#declare();
    this.#processes = Array.from({ length: PROCESSES }, () => new Process(this.catalog));
    this.#writers = this.keys.partitions.map(
      ({ log, delivered }, at) =>
        new Lane(
          ({ generation, sequence, fields }) =>
            this.store.deliver(log, delivered, 'writer', { generation, sequence, base: 0 }, fields),
          () => this.#beginWriting(at),
        ),
    );
    this.#written = this.keys.partitions.map(() => ({ generation: 1, sequence: 0 }));
    for (const { meta } of this.keys.partitions) this.store.hash(meta).set('number', '0').set('nonce', '');
    for (let partition = 0; partition < PARTITIONS; partition++) this.#takeOver(partition);
  }

  /** Does one thing that can happen. */
  async step(): Promise<void> {
    const kind = this.#choose(100);
    if (kind < 22) return this.#write();
    if (kind < 26) return this.#changeCatalog();
    if (kind < 34) return this.#befall();
    await this.workOff();
  }

  /** No more faults: whatever is under way comes to an end. */
  async settle(): Promise<void> {
    this.#wire.isFaulty = false;
    for (const owner of this.#owners) owner.isPaused = false;
    let steps = 0;
    do {
      while (await this.workOff()) {
        if (++steps > SETTLING_STEPS_MAX) throw new Error('the deployment does not come to rest');
      }
      this.#settleBuilds();
    } while (this.#work().length > 0);
    this.#wire.isFaulty = true;
    this.recall();
  }

  /** What a fail-over has lost is lost: records of that partition are what they are, and all else has to be right about them. */
  recall(): void {
    for (const partition of this.rolledBack) this.#recall(partition);
  }

  #recall(partition: number): void {
    const { records } = this.model;
    for (const [key, { id }] of records) if (partitionOf(id, PARTITIONS) === partition) records.delete(key);
    for (const objectType of this.catalog.catalog.objectTypes.keys()) {
      for (const [id, packed] of this.store.hash(this.keys.partitions[partition]!.records(objectType))) {
        const { data, archivedAt, version } = unpackRecord(packed);
        records.set(`${objectType}:${id}`, { objectType, id, data, version, isArchived: archivedAt !== undefined });
      }
    }
  }

  /** Wakes everybody, and goes on until all changes are in their logs. */
  async acknowledge(): Promise<void> {
    for (const owner of this.#owners) owner.isPaused = false;
    while (this.#writers.some(({ waiting }) => waiting.length > 0)) await this.workOff();
  }

  /** Does something that waits to be done; false if nothing does. */
  async workOff(): Promise<boolean> {
    const work = this.#work();
    if (work.length === 0) return false;
    await pick(this.#choose, work)();
    this.#owners = this.#owners.filter(({ isFenced }) => !isFenced);
    return true;
  }

  #work(): Happening[] {
    const work: Happening[] = [];
    for (const owner of this.#owners) {
      if (owner.isPaused) continue;
      if (owner.next !== 'nothing') work.push(() => owner.turn());
      if (owner.isRolledBack) work.push(() => this.#kill((each) => each === owner));
      for (const lane of owner.lanes()) work.push(() => lane.send(this.#wire));
    }
    for (const lane of this.#writers) if (lane.waiting.length > 0) work.push(() => lane.send(this.#wire));
    for (const process of this.#processes) {
      if (process.isBehind && (!this.#wire.isFaulty || this.#choose(LAG) === 0)) work.push(() => process.follow());
    }
    if (this.#wire.late.length > 0) work.push(() => this.#wire.arrive());
    this.keys.partitions.forEach((_, partition) => {
      if (!this.#ownerOf(partition)) work.push(() => this.#takeOver(partition));
    });
    return work;
  }

  // ——— Faults ———

  #befall(): void {
    switch (this.#choose(this.#losesTails ? 8 : 6)) {
      case 6:
        this.#remember(this.#choose(PARTITIONS));
        return;
      case 7: {
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
    this.#remembered.set(partition, this.store.remember(this.keys.partitions[partition]!));
  }

  /** A fail-over: the partition's keys are as its replica had them. */
  #rollBack(partition: number): void {
    const content = this.#remembered.get(partition);
    if (!content) return;
    this.store.rollBack(this.keys.partitions[partition]!, content);
    this.rolledBack.add(partition);
  }

  #anyOwner(): Owner | undefined {
    return this.#owners.length === 0 ? undefined : pick(this.#choose, this.#owners);
  }

  #kill(isHit: (owner: Owner) => boolean): void {
    this.#owners = this.#owners.filter((owner) => !isHit(owner));
  }

  #ownerOf(partition: number): Owner | undefined {
    return this.#owners.find((owner) => owner.partition === partition && owner.holdsLease);
  }

  #takeOver(partition: number): void {
    const { store, keys, rolledBack } = this;
    const [wire, guards, choose] = [this.#wire, this.#guards, this.#choose];
    const now = () => ++this.#clock;
    const process = pick(choose, this.#processes);
    const owner = new Owner(partition, process, `t${++this.#tokens}`, {
      store,
      keys,
      rolledBack,
      wire,
      guards,
      choose,
      now,
    });
    this.#owners.push(owner);
  }

  // ——— Writers ———

  #write(): void {
    const changes = [this.#subject.change(this.#choose, this.model)];
    this.model.apply(changes[0]!);
    const partition = partitionOf(changes[0]!.id, PARTITIONS);
    while (this.#choose(2) === 0) {
      const change = this.#subject.change(this.#choose, this.model);
      if (partitionOf(change.id, PARTITIONS) !== partition) break;
      this.model.apply(change);
      changes.push(change);
    }
    this.#send(partition, changes);
  }

  #send(partition: number, changes: readonly Change[]): void {
    const checkedAt = this.#choose(12) === 0 ? this.catalog.version : 1;
    const fields = [LOG_FIELDS.checkedAt, String(checkedAt), LOG_FIELDS.payload, JSON.stringify(changes)];
    this.#append(partition, fields);
  }

  #append(partition: number, fields: readonly string[]): void {
    const { generation, sequence } = this.#written[partition]!;
    const place = { generation, sequence: sequence + 1 };
    this.#written[partition] = place;
    this.#writers[partition]!.waiting.push({ ...place, fields });
  }

  /** A log has lost entries of its writer, which goes on in a new generation, as delivery.ts does. */
  #beginWriting(partition: number): void {
    this.#written[partition] = { generation: this.#written[partition]!.generation + 1, sequence: 0 };
    for (const { fields } of this.#writers[partition]!.waiting.splice(0)) this.#append(partition, fields);
  }

  // ——— Catalog ———

  #changeCatalog(): void {
    const slugs = [...this.catalog.catalog.segments.keys()];
    switch (this.#choose(6)) {
      case 0:
        if (slugs.length > 0) this.catalog.draft((draft) => draft.setSegment(pick(this.#choose, slugs), null));
        return;
      case 1:
        if (this.#undeclared) {
          this.#undeclared = undefined;
          this.#declare();
        }
        return;
      case 2:
        this.#settleBuilds();
        return;
      case 3:
        if (slugs.length > 0) this.#assign(pick(this.#choose, slugs));
        return;
      default:
        if (slugs.length < SEGMENTS_MAX) this.#assign(`s${++this.#slugs}`);
    }
  }

  #declare(): void {
    this.catalog.draft((draft) => {
      for (const [name, { attributes, relationships }] of Object.entries(this.#subject.definitions)) {
        const [holder, undeclared] = this.#undeclared ?? [];
        const declared = Object.entries(relationships).filter(([each]) => name !== holder || each !== undeclared);
        // Relationships do not change what a type's values have to be: the revision stays.
        draft.setObjectType(name, { attributes, relationships: Object.fromEntries(declared), revision: 1 });
      }
      draft.anchorEdges();
    });
  }

  /** Gives a new segment, or one that there is, a query. Nothing if it leads over what is not declared yet. */
  #assign(slug: string): void {
    const { objectTypes, segments } = this.catalog.catalog;
    const old = segments.get(slug);
    const queries = this.#subject.queries.filter(({ objectType }) => !old || objectType === old.object_type);
    const { objectType, query } = pick(this.#choose, queries);
    const scope = { type: objectTypes.get(objectType)!, types: objectTypes, timeZone: 'UTC', segment: () => undefined };
    let compiled: ReturnType<typeof compileQuery>;
    try {
      compiled = compileQuery(query, scope);
    } catch (error) {
      if (this.#undeclared) return;
      throw error;
    }
    const blank = { uses: [], json_logic: null, created_at: 1, ready_revision: null, ordinal: null, pending: null };
    const named = { id: slug, title: slug, slug, object_type: objectType, query, updated_at: 1 };
    const segment = { ...blank, ...old, ...named, revision: (old?.revision ?? 0) + 1 };
    this.catalog.draft((draft) => reassign(draft, [{ filter: segment, compiled }]));
  }

  /** What build-switch.ts does. Its barrier is not needed here: nobody reads before all is quiet. */
  #settleBuilds(): void {
    const { keys, store } = this;
    this.catalog.write((catalog) => {
      const isBuilt = (ordinal: number) =>
        keys.partitions.every(({ counts }) => store.hash(counts).has(String(ordinal)));
      const built = new Set([...catalog.ordinals.keys()].filter(isBuilt));
      const adopted = keys.partitions.map(({ meta }) => Number(store.hash(meta).get('catalog') ?? 0));
      return settle(catalog, { built, adopted: Math.min(...adopted) });
    });
  }
}
