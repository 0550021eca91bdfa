/**
 * atom-index.ts – Finds the atoms that flip when a value changes: one index per kind of atom, per
 * view of an attribute.
 *
 * Keeps true: between `before` and `after` an index toggles an atom an odd number of times exactly
 * if the atom's truth differs between the two. `undefined` is a missing value, of which every
 * indexed atom is false. Cost follows the atoms that are true of either value (or whose thresholds
 * lie between the two), never the number of atoms that exist.
 */
import { boundType } from '../predicate/interval.ts';
import type { Atom, Interval, Scalar } from '../predicate/predicate.ts';
import { includesText } from './text-search.ts';

/** The network's node of an atom, as an index hands it back. */
export interface AtomNode {
  readonly atom: Atom;
}

type Toggle<N> = (node: N) => void;

export interface AtomIndex<N extends AtomNode> {
  add(node: N): void;
  remove(node: N): void;
  /** Caller: `before` and `after` are values of this index's view and differ. */
  toggle(before: unknown, after: unknown, toggle: Toggle<N>): void;
}

type Of<K extends Atom['kind']> = Extract<Atom, { kind: K }>;

function atomOf<K extends Atom['kind']>(node: AtomNode, ...kinds: K[]): Of<K> {
  if (!kinds.includes(node.atom.kind as K))
    throw new Error(`bug: a ${node.atom.kind} atom in an index of ${kinds}`);
  return node.atom as Of<K>;
}

/** Key → nodes; a key without nodes is not kept. */
class Postings<K, N> {
  readonly #nodes = new Map<K, N[]>();

  add(key: K, node: N): void {
    const nodes = this.#nodes.get(key);
    if (nodes) nodes.push(node);
    else this.#nodes.set(key, [node]);
  }

  remove(key: K, node: N): void {
    const nodes = (this.#nodes.get(key) ?? []).filter((other) => other !== node);
    if (nodes.length > 0) this.#nodes.set(key, nodes);
    else this.#nodes.delete(key);
  }

  get(key: K): readonly N[] | undefined {
    return this.#nodes.get(key);
  }
}

/**
 * `equals` with one value or many: each value of an atom posts it. An atom that holds of both
 * values is toggled twice, which is no flip; so a long `in` list costs memory per value and no
 * probe at all.
 */
export class EqualsIndex<N extends AtomNode> implements AtomIndex<N> {
  readonly #byValue = new Postings<unknown, N>();

  add(node: N): void {
    for (const value of new Set(atomOf(node, 'equals').values)) this.#byValue.add(value, node);
  }

  remove(node: N): void {
    for (const value of new Set(atomOf(node, 'equals').values)) this.#byValue.remove(value, node);
  }

  toggle(before: unknown, after: unknown, toggle: Toggle<N>): void {
    this.#toggleAt(before, toggle);
    this.#toggleAt(after, toggle);
  }

  #toggleAt(value: unknown, toggle: Toggle<N>): void {
    const nodes = value === undefined ? undefined : this.#byValue.get(value);
    if (nodes) for (let i = 0; i < nodes.length; i++) toggle(nodes[i]!);
  }
}

export class MemberIndex<N extends AtomNode> implements AtomIndex<N> {
  readonly #byValue = new Postings<unknown, N>();

  add(node: N): void {
    this.#byValue.add(atomOf(node, 'member').value, node);
  }

  remove(node: N): void {
    this.#byValue.remove(atomOf(node, 'member').value, node);
  }

  toggle(before: unknown, after: unknown, toggle: Toggle<N>): void {
    this.#toggleAt(before, toggle);
    this.#toggleAt(after, toggle);
  }

  /** An element that repeats must toggle once: a list is looked at as the set of its elements. */
  #toggleAt(list: unknown, toggle: Toggle<N>): void {
    if (!Array.isArray(list)) return;
    for (const element of list.length > 1 ? new Set<unknown>(list) : list) {
      const nodes = this.#byValue.get(element);
      if (nodes) for (let i = 0; i < nodes.length; i++) toggle(nodes[i]!);
    }
  }
}

export class PresentIndex<N extends AtomNode> implements AtomIndex<N> {
  readonly #nodes = new Postings<'', N>();

  add(node: N): void {
    this.#nodes.add('', node);
  }

  remove(node: N): void {
    this.#nodes.remove('', node);
  }

  toggle(before: unknown, after: unknown, toggle: Toggle<N>): void {
    if ((before === undefined) !== (after === undefined)) this.#nodes.get('')?.forEach(toggle);
  }
}

/**
 * Ranges over numbers and over strings never meet: a value of the other type is outside of every
 * interval.
 */
export class RangeIndex<N extends AtomNode> implements AtomIndex<N> {
  readonly #axes = { number: new Axis<N>(), string: new Axis<N>() };

  add(node: N): void {
    this.#axis(node).add(node);
  }

  remove(node: N): void {
    this.#axis(node).remove(node);
  }

  toggle(before: unknown, after: unknown, toggle: Toggle<N>): void {
    if (typeof before === 'number' || typeof after === 'number')
      this.#axes.number.toggle(asNumber(before), asNumber(after), toggle);
    if (typeof before === 'string' || typeof after === 'string')
      this.#axes.string.toggle(asString(before), asString(after), toggle);
  }

  #axis(node: N): Axis<N> {
    return this.#axes[boundType(atomOf(node, 'range').intervals)];
  }
}

/**
 * The atoms over the ages that one attribute's values have by one clock: a range index over the
 * age. Its edges are the ages at which time itself flips an atom. The edges that a value has still
 * before it are found by one search.
 */
export class AgeIndex<N extends AtomNode> implements AtomIndex<N> {
  readonly #axis = new Axis<N>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(node: N): void {
    this.#axis.add(node);
    this.#size++;
  }

  remove(node: N): void {
    this.#axis.remove(node);
    this.#size--;
  }

  toggle(before: unknown, after: unknown, toggle: Toggle<N>): void {
    if (before !== after) this.#axis.toggle(asNumber(before), asNumber(after), toggle);
  }

  /**
   * Visits each atom that begins or ends on the way from one age to another, once for each of its
   * edges.
   */
  cross(from: number, to: number, visit: Toggle<N>): void {
    this.#axis.toggle(from, to, visit);
  }

  /** The first age above this one at which an atom flips. */
  next(age: number): number | undefined {
    return this.#axis.thresholdAfter(age) as number | undefined;
  }
}

const asNumber = (value: unknown) => (typeof value === 'number' ? value : undefined);
const asString = (value: unknown) => (typeof value === 'string' ? value : undefined);

/**
 * One place where a range atom changes its truth: just before `threshold` (side 0) or just after it
 * (side 1).
 */
interface Endpoint<N> {
  readonly threshold: Scalar;
  readonly side: 0 | 1;
  readonly node: N;
}

/**
 * More new edges than this are sorted in with one sort; fewer are put in place one by one
 * (measured: the sort of 10,000 takes 3 ms).
 */
const SPLICED_EDGES_MAX = 32;

/**
 * The sorted edges of all range atoms over one totally ordered set of values. Moving a value from
 * one place to another flips exactly the atoms with an odd number of edges in between. Coming from
 * nowhere, it flips those that are true there. These are the ones that are true at the left end,
 * toggled by each edge up to the value (or the mirror of it from the right, whichever is shorter).
 */
class Axis<N extends AtomNode> {
  #edges: Endpoint<N>[] = [];
  /**
   * The thresholds of the edges once more: V8 keeps numbers in one block, so that a search does not
   * miss the cache at each step.
   */
  #thresholds: Scalar[] = [];
  #unsorted: Endpoint<N>[] = [];
  #trueLeft: N[] = [];
  #trueRight: N[] = [];

  add(node: N): void {
    const { intervals } = atomOf(node, 'range', 'age');
    for (const interval of intervals) this.#unsorted.push(...edgesOf(interval, node));
    if (intervals.some(({ low }) => low === null)) this.#trueLeft.push(node);
    if (intervals.some(({ high }) => high === null)) this.#trueRight.push(node);
  }

  remove(node: N): void {
    const others = ({ node: other }: Endpoint<N>) => other !== node;
    this.#setEdges(this.#edges.filter(others));
    this.#unsorted = this.#unsorted.filter(others);
    this.#trueLeft = this.#trueLeft.filter((other) => other !== node);
    this.#trueRight = this.#trueRight.filter((other) => other !== node);
  }

  toggle(before: Scalar | undefined, after: Scalar | undefined, toggle: Toggle<N>): void {
    if (this.#unsorted.length > 0) this.#sortIn();
    if (before === undefined) this.#toggleTrueAt(after!, toggle);
    else if (after === undefined) this.#toggleTrueAt(before, toggle);
    else {
      const a = this.#rank(before);
      const b = this.#rank(after);
      this.#toggleEdges(Math.min(a, b), Math.max(a, b), toggle);
    }
  }

  /** Caller: all edges are of side 0, as those of intervals that are half-open to the right. */
  thresholdAfter(value: Scalar): Scalar | undefined {
    if (this.#unsorted.length > 0) this.#sortIn();
    return this.#thresholds[this.#rank(value)];
  }

  #toggleTrueAt(value: Scalar, toggle: Toggle<N>): void {
    const rank = this.#rank(value);
    const fromLeft = this.#trueLeft.length + rank;
    const fromRight = this.#trueRight.length + this.#edges.length - rank;
    if (fromLeft <= fromRight) {
      this.#trueLeft.forEach(toggle);
      this.#toggleEdges(0, rank, toggle);
    } else {
      this.#trueRight.forEach(toggle);
      this.#toggleEdges(rank, this.#edges.length, toggle);
    }
  }

  #toggleEdges(from: number, to: number, toggle: Toggle<N>): void {
    for (let i = from; i < to; i++) toggle(this.#edges[i]!.node);
  }

  /** How many edges lie to the left of a value. */
  #rank(value: Scalar): number {
    const thresholds = this.#thresholds;
    let low = 0;
    let high = thresholds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (thresholds[middle]! < value) low = middle + 1;
      else high = middle;
    }
    while (low < thresholds.length && thresholds[low] === value && this.#edges[low]!.side === 0)
      low++;
    return low;
  }

  #sortIn(): void {
    if (this.#unsorted.length > SPLICED_EDGES_MAX) {
      this.#setEdges(this.#edges.concat(this.#unsorted).sort(compareEdges));
    } else {
      for (const edge of this.#unsorted) {
        const at = lowerBound(this.#edges, (other) => compareEdges(other, edge) < 0);
        this.#edges.splice(at, 0, edge);
        this.#thresholds.splice(at, 0, edge.threshold);
      }
    }
    this.#unsorted = [];
  }

  #setEdges(edges: Endpoint<N>[]): void {
    this.#edges = edges;
    this.#thresholds = edges.map(({ threshold }) => threshold);
  }
}

/** The first index of a sorted array at which `isBefore` is false. */
function lowerBound<T>(sorted: readonly T[], isBefore: (item: T) => boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(sorted[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function edgesOf<N>({ low, lowInclusive, high, highInclusive }: Interval, node: N): Endpoint<N>[] {
  const edges: Endpoint<N>[] = [];
  if (low !== null) edges.push({ threshold: low, side: lowInclusive ? 0 : 1, node });
  if (high !== null) edges.push({ threshold: high, side: highInclusive ? 1 : 0, node });
  return edges;
}

function compareEdges<N>(a: Endpoint<N>, b: Endpoint<N>): number {
  if (a.threshold < b.threshold) return -1;
  return a.threshold > b.threshold ? 1 : a.side - b.side;
}

interface TrieNode<N> {
  readonly next: Map<number, TrieNode<N>>;
  nodes: N[];
}

/**
 * A trie of needles by UTF-16 code unit: every node on the way of a value holds atoms that are true
 * of it. Suffixes are prefixes of what is reversed.
 */
export class PrefixIndex<N extends AtomNode> implements AtomIndex<N> {
  readonly #root: TrieNode<N> = { next: new Map(), nodes: [] };
  readonly #direction: (text: string) => string;

  constructor(of: 'beginnings' | 'ends') {
    this.#direction = of === 'ends' ? reversed : (text) => text;
  }

  add(node: N): void {
    let at = this.#root;
    for (const unit of units(this.#needle(node))) {
      let next = at.next.get(unit);
      if (!next) at.next.set(unit, (next = { next: new Map(), nodes: [] }));
      at = next;
    }
    at.nodes.push(node);
  }

  remove(node: N): void {
    const way = [this.#root];
    const needle = units(this.#needle(node));
    for (const unit of needle) {
      const next = way.at(-1)!.next.get(unit);
      if (!next) return;
      way.push(next);
    }
    const last = way.at(-1)!;
    last.nodes = last.nodes.filter((other) => other !== node);
    for (let depth = needle.length; depth > 0 && isEmpty(way[depth]!); depth--)
      way[depth - 1]!.next.delete(needle[depth - 1]!);
  }

  toggle(before: unknown, after: unknown, toggle: Toggle<N>): void {
    this.#toggleAlong(before, toggle);
    this.#toggleAlong(after, toggle);
  }

  #toggleAlong(value: unknown, toggle: Toggle<N>): void {
    if (typeof value !== 'string') return;
    const text = this.#direction(value);
    let at: TrieNode<N> | undefined = this.#root;
    for (let i = 0; at; i++) {
      at.nodes.forEach(toggle);
      if (i === text.length) return;
      at = at.next.get(text.charCodeAt(i));
    }
  }

  #needle(node: N): string {
    return this.#direction(atomOf(node, 'prefix', 'suffix').needle);
  }
}

function isEmpty<N>(node: TrieNode<N>): boolean {
  return node.nodes.length === 0 && node.next.size === 0;
}

function units(text: string): number[] {
  return Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
}

/**
 * By code unit, not by character: `endsWith` compares code units, and half a surrogate pair is a
 * suffix too.
 */
function reversed(text: string): string {
  return String.fromCharCode(...units(text).reverse());
}

const GRAM_LENGTH = 3;

/**
 * Needles by one of their trigrams (the whole needle if it is shorter): only needles that share it
 * with the value are compared. Adding a needle is one map entry; there is no automaton to rebuild.
 */
export class SubstringIndex<N extends AtomNode> implements AtomIndex<N> {
  readonly #byGram = new Postings<string, N>();
  /**
   * How many needles there are of each length below GRAM_LENGTH; index GRAM_LENGTH stands for all
   * longer ones.
   */
  readonly #lengths = [0, 0, 0, 0];

  add(node: N): void {
    this.#byGram.add(gramOf(this.#needle(node)), node);
    this.#lengths[this.#gramLength(node)]!++;
  }

  remove(node: N): void {
    this.#byGram.remove(gramOf(this.#needle(node)), node);
    this.#lengths[this.#gramLength(node)]!--;
  }

  toggle(before: unknown, after: unknown, toggle: Toggle<N>): void {
    this.#toggleWithin(before, toggle);
    this.#toggleWithin(after, toggle);
  }

  #toggleWithin(value: unknown, toggle: Toggle<N>): void {
    if (typeof value !== 'string') return;
    for (let length = 0; length <= GRAM_LENGTH; length++) {
      if (this.#lengths[length]! > 0) this.#toggleGrams(value, length, toggle);
    }
  }

  /** A gram that repeats in the value must not toggle its needles twice. */
  #toggleGrams(value: string, length: number, toggle: Toggle<N>): void {
    if (length === 0) {
      this.#byGram.get('')?.forEach(toggle);
      return;
    }
    const seen = new Set<string>();
    for (let i = 0; i + length <= value.length; i++) {
      const gram = value.substring(i, i + length);
      const nodes = this.#byGram.get(gram);
      if (!nodes || seen.has(gram)) continue;
      seen.add(gram);
      for (const node of nodes) if (includesText(value, this.#needle(node))) toggle(node);
    }
  }

  #needle(node: N): string {
    return atomOf(node, 'substring').needle;
  }

  #gramLength(node: N): number {
    return Math.min(this.#needle(node).length, GRAM_LENGTH);
  }
}

/** The last trigram of a needle: needles of one field often begin alike ("https://…"). */
function gramOf(needle: string): string {
  return needle.slice(-GRAM_LENGTH);
}
