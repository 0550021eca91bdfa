/**
 * network.ts – The predicate network of one object type: all its predicates over shared, indexed
 * atoms.
 *
 * Keeps true: for a record whose stored truth was right before a change, `update` names exactly the
 * predicate ids whose truth differs after it. `create` names those that hold of a new record. Work
 * follows the atoms that flip: a predicate that uses none of them is not looked at. A predicate is
 * added and removed while records change. Its stored truth may lag until a backfill has visited a
 * record, so the old truth is always taken from the record's row, never from its old values.
 *
 * Time is an argument: every truth is one at a stated clock, in UTC milliseconds. `nextFlip` says
 * when the clock alone will flip an atom of a record, and `fire` names what flipped because it
 * moved on. A network without such atoms pays nothing.
 *
 * A program that takes more than its budget for a record makes the call throw `ProgramFailed`,
 * which names all predicates that share it, and those of the other programs that failed while the
 * flipped atoms were looked for. A caller that calls again with those among `failed` gets the
 * truths of the others; nothing of a failed one is run any more.
 */
import { sameValue } from '../../change/record.ts';
import { assert, unreachable } from '../../errors.ts';
import { OPERATIONS_MAX, OverBudget, spentSince, spentSoFar } from '../budget.ts';
import { type FailedPredicateIds, NONE_FAILED, ProgramFailed, programFailed } from '../failure.ts';
import {
  atomIndexing,
  atomKey,
  atomReads,
  atomShare,
  atomTest,
  canFail,
  type Test,
} from '../predicate/atom.ts';
import type { Aged, Atom, Predicate } from '../predicate/predicate.ts';
import { type Attributes, fold } from '../predicate/view.ts';
import { atomOf, foldPredicate, isAtom, type Leaf } from '../predicate/walk.ts';
import { type ClockReader, instantOf } from '../time/clock.ts';
import { clockReader } from '../time/clocks.ts';
import { AgeIndex, type AtomIndex } from './atom-index.ts';
import { isDerivedName } from './derived-attribute.ts';

/**
 * A truth that flipped: `(predicateId << 1) | entered`. Sorting flips sorts them by predicate id.
 */
export type Flip = number;

export function flip(predicateId: number, entered: boolean): Flip {
  return (predicateId << 1) | (entered ? 1 : 0);
}

export function flippedPredicateId(flip: Flip): number {
  return flip >>> 1;
}

export function entered(flip: Flip): boolean {
  return (flip & 1) === 1;
}

/** Below 2^30, so that a flip stays a small integer. */
export const PREDICATE_ID_MAX = 2 ** 30 - 1;

/** How much was done: the bench reports these beside its figures. */
export interface NetworkWork {
  updates: number;
  atomsFlipped: number;
  evaluations: number;
  flips: number;
}

interface SharedAtom {
  readonly key: string;
  readonly atom: Atom;
  readonly test: Test;
  /** Truth over nothing: of a record that has no values. */
  readonly blank: boolean;
  /**
   * The predicates that use the atom, by what it is to them; those whose cover holds it are enough
   * when a record comes from blank.
   */
  readonly users: Record<PartRole, PredicateNode[]>;
  coverUsers: PredicateNode[];
  stamp: number;
  odd: boolean;
}

/**
 * The role of an atom in a predicate. A conjunct that is false makes it false and a disjunct that
 * is true makes it true, whatever the rest is. Measured: half of all evaluations are answered by
 * that.
 */
type PartRole = 'conjunct' | 'disjunct' | 'other';

interface PredicateNode {
  readonly predicateId: number;
  readonly test: Test;
  readonly blank: boolean;
  readonly atoms: readonly SharedAtom[];
  readonly cover: readonly SharedAtom[];
  /**
   * The derived attributes that it reads: its truth of a record is unknown while one of them is.
   */
  readonly derived: readonly string[];
  /** Those of its atoms that can fail. */
  readonly programs: readonly SharedAtom[];
  /**
   * The operations that its programs have taken for the values that are looked at, by what they
   * read.
   */
  readonly spent: Map<string, { stamp: number; operations: number }>;
  stamp: number;
}

/**
 * Bounds, for one record, all programs of one predicate that read the same attributes. They run
 * together whenever one of these changes, so their sum is the same in a backfill and at a change.
 * Without it 400 short loops over a list of 200,000 hold up everything for seconds, each within its
 * own budget.
 */
const TOGETHER_MAX = 2 * OPERATIONS_MAX;
/**
 * A run that takes less is not counted: as many as a query can have of these are half of one
 * budget.
 */
const COUNTED_MIN = 5_000;

/** What a change of a record's neighbourhood asks for, beside its own values. */
export interface NeighbourState {
  /**
   * Derived attributes whose value the stored truth may not know: all that reads them is verified.
   */
  readonly verify: readonly string[];
  /**
   * Derived attributes that are unknown (a neighbour has not answered): a predicate that reads them
   * keeps its stored truth.
   */
  readonly open: ReadonlySet<string>;
  /** Predicates that have failed: they are neither run nor named. */
  readonly failed?: FailedPredicateIds;
}

const QUIET: NeighbourState = { verify: [], open: new Set() };

/** The atoms over one view of one attribute. */
interface ViewIndexes {
  readonly folded: boolean;
  readonly byKind: Map<Atom['kind'], AtomIndex<SharedAtom>>;
}

/** The atoms over the ages of one attribute by one clock. */
interface ClockIndex {
  readonly key: string;
  readonly reader: ClockReader;
  readonly index: AgeIndex<SharedAtom>;
}

/** All that must be looked at when one attribute changes. */
interface AttributeNode {
  readonly views: ViewIndexes[];
  clocks: ClockIndex[];
  residual: SharedAtom[];
  /** Every atom that reads the attribute, indexed or not. */
  atoms: SharedAtom[];
}

export interface NetworkOptions {
  /** For tests of the tests only: the index of this kind reports nothing. */
  readonly brokenIndex?: Atom['kind'];
  /**
   * For tests only: called with the values of every record that is evaluated, in a backfill with
   * the predicate id. What it throws is a bug of the step.
   */
  readonly fault?: (attributes: Attributes, predicateId?: number) => void;
  /**
   * For tests only: of which records programs take more than their budget, beside those that do.
   */
  readonly isTooCostly?: (attributes: Attributes) => boolean;
}

type ValueIndexing = Extract<ReturnType<typeof atomIndexing>, { by: 'value' }>;

const NOTHING: Attributes = Object.freeze({});

/**
 * A record without values has no age, so that its truth is the same at every clock: this one stands
 * for all.
 */
const ANY_TIME = 0;

/** The last instant that JavaScript's calendar has. */
const INSTANT_MAX_MS = 8.64e15;

export class PredicateNetwork {
  readonly work: NetworkWork = { updates: 0, atomsFlipped: 0, evaluations: 0, flips: 0 };
  readonly #predicates = new Map<number, PredicateNode>();
  readonly #atoms = new Map<string, SharedAtom>();
  readonly #attributes = new Map<string, AttributeNode>();
  /** Those of them whose ages are asked. */
  readonly #timed = new Map<string, AttributeNode>();
  readonly #brokenIndex: Atom['kind'] | undefined;
  readonly #fault: NetworkOptions['fault'];
  readonly #isTooCostly: NetworkOptions['isTooCostly'];
  /**
   * Predicate ids that fail over nothing, and what they take more than: such a query is refused
   * today, and may be stored from before.
   */
  readonly #hopeless = new Map<number, string>();
  #blank: number[] | undefined;
  #failed: FailedPredicateIds = NONE_FAILED;
  /**
   * The predicates that failed in the call that runs, and the bound that each exceeded. All are
   * found before it throws: else the others would be run as often as there are failures.
   */
  readonly #failing = new Map<number, string>();
  /**
   * The values that programs run over: each runs once for them, however many predicates use it.
   * Held until others are looked at.
   */
  #seen: Attributes = NOTHING;
  #seenStamp = 0;
  #epoch = 0;
  /** The clock of the call that runs. */
  #nowMs = ANY_TIME;
  #toggled: SharedAtom[] = [];

  constructor(options: NetworkOptions = {}) {
    this.#brokenIndex = options.brokenIndex;
    this.#fault = options.fault;
    this.#isTooCostly = options.isTooCostly;
  }

  get size(): number {
    return this.#predicates.size;
  }

  has(predicateId: number): boolean {
    return this.#predicates.has(predicateId);
  }

  predicateIds(): Iterable<number> {
    return this.#predicates.keys();
  }

  /** Caller: the predicate is normalized, the predicate id is not in the network. */
  add(predicateId: number, predicate: Predicate): void {
    assert(
      !this.#predicates.has(predicateId),
      `predicate id ${predicateId} is in the network already`,
    );
    assert(
      predicateId >= 0 && predicateId <= PREDICATE_ID_MAX,
      `predicate id ${predicateId} is out of range`,
    );
    const atoms = new Set<SharedAtom>();
    const built = this.#build(predicate, atoms);
    const programs = [...atoms].filter(({ atom }) => canFail(atom));
    const node: PredicateNode = {
      predicateId,
      test: built.test,
      blank: this.#blankTruth(predicateId, built.test, programs),
      atoms: [...atoms],
      cover: [...new Set(built.cover.atoms)],
      derived: [
        ...new Set([...atoms].flatMap(({ atom }) => atomReads(atom).filter(isDerivedName))),
      ],
      programs,
      spent: new Map(),
      stamp: 0,
    };
    const parts = partKeys(predicate);
    const role = predicate.kind === 'and' ? 'conjunct' : 'disjunct';
    for (const atom of node.atoms) atom.users[parts.has(atom.key) ? role : 'other'].push(node);
    for (const atom of node.cover) atom.coverUsers.push(node);
    this.#predicates.set(predicateId, node);
    this.#blank = undefined;
  }

  #blankTruth(predicateId: number, test: Test, programs: readonly SharedAtom[]): boolean {
    try {
      for (const program of programs) program.test(NOTHING, ANY_TIME);
      return test(NOTHING, ANY_TIME);
    } catch (error) {
      if (!(error instanceof ProgramFailed)) throw error;
      this.#hopeless.set(predicateId, error.passed);
      return false;
    }
  }

  /** Predicate ids that can't be evaluated for any record, and which bound they exceed. */
  get hopeless(): ReadonlyMap<number, string> {
    return this.#hopeless;
  }

  remove(predicateId: number): void {
    const node = this.#predicates.get(predicateId);
    if (!node) return;
    this.#hopeless.delete(predicateId);
    this.#predicates.delete(predicateId);
    this.#blank = undefined;
    for (const atom of node.cover)
      atom.coverUsers = atom.coverUsers.filter((user) => user !== node);
    for (const atom of node.atoms) {
      if (!removeUser(atom, node)) this.#dropAtom(atom);
    }
  }

  /**
   * Whether one predicate holds of a record: for backfills. All its programs are run, also where
   * other parts decide: so one that has not failed is within its budget over every record. @throws
   * ProgramFailed
   */
  holds(predicateId: number, attributes: Attributes, nowMs: number): boolean {
    const node = this.#predicates.get(predicateId);
    assert(node, `predicate id ${predicateId} is not in the network`);
    this.#fault?.(attributes, predicateId);
    if (attributes !== this.#seen) this.#see(attributes);
    for (const program of node.programs) program.test(attributes, nowMs);
    return node.test(attributes, nowMs);
  }

  /** Whether the clock alone can flip anything. */
  get hasTimers(): boolean {
    return this.#timed.size > 0;
  }

  /**
   * The first instant after `nowMs` at which the clock alone flips an atom that is in use;
   * undefined: never.
   */
  nextFlip(attributes: Attributes, nowMs: number): number | undefined {
    let next = Number.POSITIVE_INFINITY;
    for (const [name, { clocks }] of this.#timed) {
      const valueMs = instantOf(attributes[name]);
      if (valueMs === undefined) continue;
      for (const { reader, index } of clocks) {
        const flipMs = reader.nextFlip(index, valueMs, nowMs);
        if (flipMs !== undefined) next = Math.min(next, flipMs);
      }
    }
    return next <= INSTANT_MAX_MS ? next : undefined;
  }

  /**
   * The flips that time has made of a record, whose values stay as they are. All predicates with an
   * atom that began or ended after `sinceMs` are evaluated at `nowMs`, once, and compared with the
   * stored truth; passages in between are not replayed.
   * Caller: the stored truth was right at `sinceMs`, or at any clock from there on.
   */
  fire(
    attributes: Attributes,
    sinceMs: number,
    nowMs: number,
    heldBefore: (predicateId: number) => boolean,
    neighbourhood: NeighbourState = QUIET,
  ): Flip[] {
    this.#begin(attributes, nowMs, neighbourhood);
    for (const [name, { clocks }] of this.#timed) {
      const valueMs = instantOf(attributes[name]);
      if (valueMs === undefined) continue;
      for (const { reader, index } of clocks)
        reader.cross(index, valueMs, sinceMs, nowMs, this.#note);
    }
    return this.#flipsOf(attributes, heldBefore, neighbourhood);
  }

  /** Whether a predicate reads an unknown attribute, so that it is unknown whether it holds. */
  isOpen(predicateId: number, open: ReadonlySet<string>): boolean {
    const node = this.#predicates.get(predicateId);
    return open.size > 0 && node !== undefined && readsOpen(node, open);
  }

  /** The derived attributes that a predicate reads. */
  derivedOf(predicateId: number): readonly string[] {
    return this.#predicates.get(predicateId)?.derived ?? [];
  }

  /** The attributes, declared and derived, that some predicate reads. */
  attributeNames(): Iterable<string> {
    return this.#attributes.keys();
  }

  /**
   * The predicate ids that hold of a new record, ascending; those that read what is `open` hold of
   * none yet.
   */
  create(attributes: Attributes, nowMs: number, neighbourhood: NeighbourState = QUIET): number[] {
    const { open } = neighbourhood;
    this.#begin(attributes, nowMs, neighbourhood);
    for (const [name, node] of this.#attributes) {
      if (attributes[name] !== undefined)
        this.#toggleAttribute(node, undefined, attributes[name], NOTHING, attributes);
    }
    this.#throwFailing();
    const flipped: number[] = [];
    for (const atom of this.#toggled) {
      if (!atom.odd) continue;
      for (const node of atom.coverUsers)
        if (this.#differsFromBlank(node, attributes)) flipped.push(node.predicateId);
    }
    this.work.flips += flipped.length;
    const holding = symmetricDifference(this.#blankPredicateIds(), flipped.sort(ascending));
    if (open.size === 0 && this.#failed.size === 0) return holding;
    const isTold = (predicateId: number) =>
      !this.#failed.has(predicateId) && !readsOpen(this.#predicates.get(predicateId)!, open);
    return holding.filter(isTold);
  }

  /**
   * The flips that a change of values makes. `names` are the attributes that may have changed
   * (undefined: any); `heldBefore` answers the stored truth of a predicate id. The flips come in no
   * order, each predicate id at most once.
   * Caller: what time has flipped until `nowMs` is in the stored truth already (`fire`).
   */
  update(
    before: Attributes,
    after: Attributes,
    names: readonly string[] | undefined,
    heldBefore: (predicateId: number) => boolean,
    nowMs: number,
    neighbourhood: NeighbourState = QUIET,
  ): Flip[] {
    this.#begin(after, nowMs, neighbourhood);
    if (names)
      for (const name of names)
        this.#toggleChanged(name, this.#attributes.get(name), before, after);
    else
      for (const [name, node] of this.#attributes) this.#toggleChanged(name, node, before, after);
    this.#throwFailing();
    return this.#flipsOf(after, heldBefore, neighbourhood);
  }

  /**
   * The flips of the predicates whose atoms have been toggled, and of those that are to be verified
   * anyway.
   */
  #flipsOf(
    after: Attributes,
    heldBefore: (predicateId: number) => boolean,
    { verify, open }: NeighbourState,
  ): Flip[] {
    const flips: Flip[] = [];
    for (let i = 0; i < this.#toggled.length; i++) {
      const atom = this.#toggled[i]!;
      if (atom.odd) this.#verifyUsers(atom, after, heldBefore, flips, open);
    }
    for (const name of verify) {
      for (const atom of this.#attributes.get(name)?.atoms ?? [])
        this.#verifyUsers(atom, after, heldBefore, flips, open);
    }
    this.work.flips += flips.length;
    return flips;
  }

  #begin(attributes: Attributes, nowMs: number, { failed = NONE_FAILED }: NeighbourState): void {
    this.#fault?.(attributes);
    this.#see(attributes);
    this.#failed = failed;
    if (this.#failing.size > 0) this.#failing.clear(); // an empty map allocates when it is cleared
    this.#nowMs = nowMs;
    this.work.updates++;
    this.#epoch++;
    this.#toggled.length = 0;
  }

  #see(attributes: Attributes): void {
    this.#seen = attributes;
    this.#seenStamp++;
  }

  #toggleChanged(
    name: string,
    node: AttributeNode | undefined,
    before: Attributes,
    after: Attributes,
  ): void {
    if (!node) return;
    const old = before[name];
    const now = after[name];
    if (!sameValue(old, now)) this.#toggleAttribute(node, old, now, before, after);
  }

  #toggleAttribute(
    node: AttributeNode,
    old: unknown,
    now: unknown,
    before: Attributes,
    after: Attributes,
  ): void {
    for (const view of node.views) {
      if (view.folded) this.#toggleFolded(view, fold(old), fold(now));
      else for (const index of view.byKind.values()) index.toggle(old, now, this.#toggle);
    }
    if (node.clocks.length > 0) this.#toggleAges(node.clocks, instantOf(old), instantOf(now));
    for (const atom of node.residual) {
      if (atom.stamp === this.#epoch || this.#isFailed(atom)) continue;
      try {
        if (atom.test(before, this.#nowMs) !== atom.test(after, this.#nowMs)) this.#toggle(atom);
      } catch (error) {
        if (!(error instanceof ProgramFailed)) throw error;
        for (const [predicateId, passed] of error.passedBy) this.#failing.set(predicateId, passed);
      }
    }
  }

  /** @throws ProgramFailed if programs failed while it was looked for what has changed */
  #throwFailing(): void {
    if (this.#failing.size === 0) return;
    const failed = new ProgramFailed(this.#failing);
    this.#failing.clear();
    throw failed;
  }

  #hasFailed(predicateId: number): boolean {
    return this.#failed.has(predicateId) || this.#failing.has(predicateId);
  }

  /**
   * A program fails all that share it: where one of them has not failed it is another program that
   * did.
   */
  #isFailed(atom: SharedAtom): boolean {
    return (
      this.#failed.size + this.#failing.size > 0 &&
      usersOf(atom).every((predicateId) => this.#hasFailed(predicateId))
    );
  }

  #toggleAges(
    clocks: readonly ClockIndex[],
    old: number | undefined,
    now: number | undefined,
  ): void {
    for (const { reader, index } of clocks) {
      const ageOf = (valueMs: number | undefined) =>
        valueMs === undefined ? undefined : reader.age(valueMs, this.#nowMs);
      index.toggle(ageOf(old), ageOf(now), this.#toggle);
    }
  }

  #toggleFolded(view: ViewIndexes, old: unknown, now: unknown): void {
    if (old === now) return;
    for (const index of view.byKind.values()) index.toggle(old, now, this.#toggle);
  }

  /** Counts a toggle of this epoch: what is odd in the end has flipped. */
  readonly #toggle = (atom: SharedAtom): void => {
    if (atom.stamp === this.#epoch) {
      atom.odd = !atom.odd;
      return;
    }
    atom.stamp = this.#epoch;
    atom.odd = true;
    this.#toggled.push(atom);
  };

  /** Counts an atom of this epoch as flipped, however often it comes. */
  readonly #note = (atom: SharedAtom): void => {
    if (atom.stamp !== this.#epoch) this.#toggle(atom);
  };

  #verifyUsers(
    atom: SharedAtom,
    after: Attributes,
    heldBefore: (predicateId: number) => boolean,
    flips: Flip[],
    open: ReadonlySet<string>,
  ): void {
    this.work.atomsFlipped++;
    if (this.#isFailed(atom)) return;
    const { users } = atom;
    const isTrue = atom.test(after, this.#nowMs);
    this.#verify(users.conjunct, isTrue ? undefined : false, after, heldBefore, flips, open);
    this.#verify(users.disjunct, isTrue ? true : undefined, after, heldBefore, flips, open);
    this.#verify(users.other, undefined, after, heldBefore, flips, open);
  }

  /** `decided` is the truth of all these predicates, if it is known without evaluating them. */
  #verify(
    users: readonly PredicateNode[],
    decided: boolean | undefined,
    after: Attributes,
    heldBefore: (predicateId: number) => boolean,
    flips: Flip[],
    open: ReadonlySet<string>,
  ): void {
    for (let i = 0; i < users.length; i++) {
      const node = users[i]!;
      if (node.stamp === this.#epoch) continue;
      node.stamp = this.#epoch;
      if (this.#failed.size > 0 && this.#failed.has(node.predicateId)) continue;
      if (open.size > 0 && readsOpen(node, open)) continue;
      if (decided === undefined) this.work.evaluations++;
      const holds = decided ?? node.test(after, this.#nowMs);
      if (holds !== heldBefore(node.predicateId)) flips.push(flip(node.predicateId, holds));
    }
  }

  #differsFromBlank(node: PredicateNode, attributes: Attributes): boolean {
    if (node.stamp === this.#epoch) return false;
    node.stamp = this.#epoch;
    if (this.#failed.size > 0 && this.#failed.has(node.predicateId)) return false;
    this.work.evaluations++;
    return node.test(attributes, this.#nowMs) !== node.blank;
  }

  #blankPredicateIds(): readonly number[] {
    if (!this.#blank) {
      const holding = [...this.#predicates.values()].filter((node) => node.blank);
      this.#blank = holding.map((node) => node.predicateId).sort(ascending);
    }
    return this.#blank;
  }

  /** Caller: conditions on neighbours have been lowered. */
  #build(predicate: Predicate, atoms: Set<SharedAtom>): BuiltNode {
    const ofLeaf = (leaf: Leaf) => this.#buildAtom(atomOf(leaf), atoms);
    return foldPredicate<BuiltNode>(predicate, {
      group: (kind, children) => (kind === 'and' ? conjunction(children) : disjunction(children)),
      not: negation,
      related: ofLeaf,
      atom: ofLeaf,
    });
  }

  #buildAtom(given: Atom, atoms: Set<SharedAtom>): BuiltNode {
    const atom = this.#sharedAtom(given);
    atoms.add(atom);
    const { test, blank } = atom;
    const share = atomShare(given);
    return { test, blank, cover: { atoms: [atom], share: blank ? 1000 - share : share }, share };
  }

  #sharedAtom(atom: Atom): SharedAtom {
    const key = atomKey(atom);
    const known = this.#atoms.get(key);
    if (known) return known;
    const own = this.#testOf(atom);
    const users = { conjunct: [], disjunct: [], other: [] };
    const test = canFail(atom)
      ? namingUsers(
          this.#once(own, (spent) => this.#charge(shared, spent)),
          () => usersOf(shared),
        )
      : own;
    const shared: SharedAtom = {
      key,
      atom,
      test,
      blank: canFail(atom) ? isTrueOfNothing(own) : own(NOTHING, ANY_TIME),
      users,
      coverUsers: [],
      stamp: 0,
      odd: false,
    };
    this.#atoms.set(key, shared);
    for (const name of atomReads(atom)) this.#attribute(name).atoms.push(shared);
    this.#addToIndex(shared);
    return shared;
  }

  /** A program may walk through a long list: of the values that are looked at it is run once. */
  #once(test: Test, charge: (operations: number) => void): Test {
    let stamp = -1;
    let known = false;
    return (attributes, nowMs) => {
      if (attributes !== this.#seen) return test(attributes, nowMs);
      if (stamp !== this.#seenStamp) {
        const before = spentSoFar();
        known = test(attributes, nowMs);
        stamp = this.#seenStamp;
        const operations = spentSince(before);
        if (operations >= COUNTED_MIN) charge(operations);
      }
      return known;
    };
  }

  /** Adds a run to the due of each predicate that shares the program. @throws ProgramFailed */
  #charge(shared: SharedAtom, operations: number): void {
    const reads = [...atomReads(shared.atom)].sort().join();
    const over = usersOf(shared).filter((predicateId) => {
      if (this.#hasFailed(predicateId)) return false;
      const { spent } = this.#predicates.get(predicateId)!;
      const known = spent.get(reads);
      const isOfNow = known?.stamp === this.#seenStamp;
      const all = operations + (isOfNow ? known.operations : 0);
      spent.set(reads, { stamp: this.#seenStamp, operations: all });
      return all > TOGETHER_MAX;
    });
    if (over.length > 0)
      throw programFailed(over, new OverBudget(`${TOGETHER_MAX.toLocaleString('en')} operations`));
  }

  #testOf(atom: Atom): Test {
    const test = atomTest(atom);
    const isTooCostly = this.#isTooCostly;
    if (!canFail(atom) || !isTooCostly) return test;
    return (attributes, nowMs) => {
      if (isTooCostly(attributes)) throw new OverBudget('the tests allow');
      return test(attributes, nowMs);
    };
  }

  #dropAtom(shared: SharedAtom): void {
    this.#atoms.delete(shared.key);
    this.#removeFromIndex(shared);
    for (const name of atomReads(shared.atom)) {
      const node = this.#attribute(name);
      node.atoms = node.atoms.filter((other) => other !== shared);
      if (node.atoms.length === 0) this.#attributes.delete(name);
    }
  }

  /** Puts the atom where changes find it. */
  #addToIndex(shared: SharedAtom): void {
    const { atom } = shared;
    if (atom.kind === this.#brokenIndex) return;
    const indexing = atomIndexing(atom);
    switch (indexing.by) {
      case 'value':
        this.#valueIndex(atom, indexing).add(shared);
        return;
      case 'age':
        this.#addAged(shared, indexing.of(atom));
        return;
      case 'test':
        for (const name of atomReads(atom)) this.#attribute(name).residual.push(shared);
        return;
      default:
        unreachable(indexing);
    }
  }

  #removeFromIndex(shared: SharedAtom): void {
    const { atom } = shared;
    const indexing = atomIndexing(atom);
    switch (indexing.by) {
      case 'value':
        this.#valueIndex(atom, indexing).remove(shared);
        return;
      case 'age':
        this.#removeAged(shared, indexing.of(atom));
        return;
      case 'test':
        for (const name of atomReads(atom)) {
          const node = this.#attribute(name);
          node.residual = node.residual.filter((other) => other !== shared);
        }
        return;
      default:
        unreachable(indexing);
    }
  }

  #addAged(shared: SharedAtom, { attribute, clock }: Aged): void {
    const node = this.#attribute(attribute);
    const key = JSON.stringify(clock);
    let known = node.clocks.find((each) => each.key === key);
    if (!known) {
      known = { key, reader: clockReader(clock), index: new AgeIndex<SharedAtom>() };
      node.clocks.push(known);
    }
    known.index.add(shared);
    this.#timed.set(attribute, node);
  }

  /** A clock that no atom reads any more is not looked at again. */
  #removeAged(shared: SharedAtom, { attribute, clock }: Aged): void {
    const node = this.#attribute(attribute);
    const key = JSON.stringify(clock);
    node.clocks.find((each) => each.key === key)?.index.remove(shared);
    node.clocks = node.clocks.filter(({ index }) => index.size > 0);
    if (node.clocks.length === 0) this.#timed.delete(attribute);
  }

  /** The index of the atom's kind over the view that it looks at. */
  #valueIndex(atom: Atom, { view: viewOf, make }: ValueIndexing): AtomIndex<SharedAtom> {
    const { attribute, folded } = viewOf(atom);
    const { views } = this.#attribute(attribute);
    let view = views.find((known) => known.folded === folded);
    if (!view) views.push((view = { folded, byKind: new Map() }));
    let index = view.byKind.get(atom.kind);
    if (!index) view.byKind.set(atom.kind, (index = make<SharedAtom>()));
    return index;
  }

  #attribute(name: string): AttributeNode {
    let node = this.#attributes.get(name);
    if (!node)
      this.#attributes.set(name, (node = { views: [], clocks: [], residual: [], atoms: [] }));
    return node;
  }
}

function usersOf({ users }: SharedAtom): number[] {
  return [...users.conjunct, ...users.disjunct, ...users.other].map(
    ({ predicateId }) => predicateId,
  );
}

function namingUsers(test: Test, users: () => number[]): Test {
  return (attributes, nowMs) => {
    try {
      return test(attributes, nowMs);
    } catch (error) {
      throw error instanceof OverBudget ? programFailed(users(), error) : error;
    }
  };
}

/** A test that can't be evaluated over nothing fails the predicates that use it (`hopeless`). */
function isTrueOfNothing(test: Test): boolean {
  try {
    return test(NOTHING, ANY_TIME);
  } catch (error) {
    if (error instanceof OverBudget) return false;
    throw error;
  }
}

/** The keys of the atoms that are themselves parts of a conjunction or disjunction. */
function partKeys(predicate: Predicate): ReadonlySet<string> {
  if (predicate.kind !== 'and' && predicate.kind !== 'or') return new Set();
  return new Set(predicate.children.filter(isAtom).map(atomKey));
}

/** @returns whether the atom still has users. */
function removeUser({ users }: SharedAtom, node: PredicateNode): boolean {
  for (const role of ['conjunct', 'disjunct', 'other'] as const) {
    users[role] = users[role].filter((user) => user !== node);
  }
  return users.conjunct.length + users.disjunct.length + users.other.length > 0;
}

/**
 * A part of a predicate while it is built. `share` estimates of how many records, in thousandths,
 * it holds.
 */
interface BuiltNode {
  readonly test: Test;
  readonly blank: boolean;
  readonly cover: Cover;
  readonly share: number;
}

/**
 * Atoms of which at least one must differ from blank for the part to differ from blank, and how
 * often one does.
 */
interface Cover {
  readonly atoms: readonly SharedAtom[];
  readonly share: number;
}

function negation({ test, blank, cover, share }: BuiltNode): BuiltNode {
  return {
    test: (attributes, nowMs) => !test(attributes, nowMs),
    blank: !blank,
    cover,
    share: 1000 - share,
  };
}

/**
 * A false one becomes true only when each of its false children does: the rarest of them is cover
 * enough.
 */
function conjunction(children: readonly BuiltNode[]): BuiltNode {
  const blank = children.every((child) => child.blank);
  const ordered = [...children].sort((a, b) => a.share - b.share);
  const share = ordered.reduce((product, child) => (product * child.share) / 1000, 1000);
  const cover = blank ? union(children) : rarest(children.filter((child) => !child.blank));
  return { test: every(ordered.map((child) => child.test)), blank, cover, share };
}

function disjunction(children: readonly BuiltNode[]): BuiltNode {
  const blank = children.some((child) => child.blank);
  const ordered = [...children].sort((a, b) => b.share - a.share);
  const share =
    1000 - ordered.reduce((product, child) => (product * (1000 - child.share)) / 1000, 1000);
  const cover = blank ? rarest(children.filter((child) => child.blank)) : union(children);
  return { test: some(ordered.map((child) => child.test)), blank, cover, share };
}

function union(parts: readonly BuiltNode[]): Cover {
  return {
    atoms: parts.flatMap(({ cover }) => cover.atoms),
    share: parts.reduce((sum, { cover }) => sum + cover.share, 0),
  };
}

function rarest(parts: readonly BuiltNode[]): Cover {
  return parts
    .map(({ cover }) => cover)
    .reduce((best, cover) => (cover.share < best.share ? cover : best));
}

/** Two and three conjuncts are nearly all of them: no loop for those. */
function every(tests: readonly Test[]): Test {
  const [a, b, c] = tests;
  if (!a) return () => true;
  if (!b) return a;
  if (!c) return (attributes, nowMs) => a(attributes, nowMs) && b(attributes, nowMs);
  if (tests.length === 3)
    return (attributes, nowMs) =>
      a(attributes, nowMs) && b(attributes, nowMs) && c(attributes, nowMs);
  return (attributes, nowMs) => {
    for (let i = 0; i < tests.length; i++) if (!tests[i]!(attributes, nowMs)) return false;
    return true;
  };
}

function some(tests: readonly Test[]): Test {
  const [a, b, c] = tests;
  if (!a) return () => false;
  if (!b) return a;
  if (!c) return (attributes, nowMs) => a(attributes, nowMs) || b(attributes, nowMs);
  if (tests.length === 3)
    return (attributes, nowMs) =>
      a(attributes, nowMs) || b(attributes, nowMs) || c(attributes, nowMs);
  return (attributes, nowMs) => {
    for (let i = 0; i < tests.length; i++) if (tests[i]!(attributes, nowMs)) return true;
    return false;
  };
}

function readsOpen({ derived }: PredicateNode, open: ReadonlySet<string>): boolean {
  for (let i = 0; i < derived.length; i++) if (open.has(derived[i]!)) return true;
  return false;
}

const ascending = (a: number, b: number) => a - b;

/** Of two ascending lists without repeats, what is in exactly one of them, ascending. */
function symmetricDifference(a: readonly number[], b: readonly number[]): number[] {
  const result: number[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const x = a[i] ?? Number.POSITIVE_INFINITY;
    const y = b[j] ?? Number.POSITIVE_INFINITY;
    if (x === y) {
      i++;
      j++;
    } else if (x < y) result.push(a[i++]!);
    else result.push(b[j++]!);
  }
  return result;
}
