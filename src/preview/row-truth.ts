/**
 * row-truth.ts – The truth of a predicate for records that lie in tables: closures over its atoms,
 * each of which asks what is kept beside the records before it looks at one.
 *
 * Keeps true: what is kept follows from a record's own values alone: an atom that reads the clock
 * or a neighbour is evaluated each time.
 */
import { isDerivedName } from '../query/network/derived-attribute.ts';
import { atomKey, atomReads, atomShare, atomTest, type Test } from '../query/predicate/atom.ts';
import type { Atom, Predicate } from '../query/predicate/predicate.ts';
import { readsClock } from '../query/predicate/statement.ts';
import { atomOf, foldPredicate, type Leaf } from '../query/predicate/walk.ts';
import { IS_FALSE, IS_TRUE, type RecordTable, UNKNOWN } from './record-table.ts';

/** A record that is looked at. */
export interface SeenRecord {
  readonly table: RecordTable;
  readonly place: number;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export type RowTruth<R extends SeenRecord> = (record: R) => boolean;

/** The closure of a derived attribute's value, by its name. */
export type Derivations<R extends SeenRecord> = (name: string) => (record: R) => unknown;

/** Caller: conditions on neighbours have been lowered, and no atom can fail. */
export function rowTruth<R extends SeenRecord>(
  predicate: Predicate,
  nowMs: number,
  derivations: Derivations<R>,
): RowTruth<R> {
  const ofLeaf = (leaf: Leaf) => leafTruth(atomOf(leaf), nowMs, derivations);
  return foldPredicate<PartTruth<R>>(predicate, {
    group: (kind, parts) => (kind === 'and' ? conjunction(parts) : disjunction(parts)),
    not: (part) => ({ ...part, share: 1000 - part.share, holds: (record) => !part.holds(record) }),
    related: ofLeaf,
    atom: ofLeaf,
  }).holds;
}

interface PartTruth<R extends SeenRecord> {
  readonly holds: RowTruth<R>;
  /** Of how many records, in thousandths, it holds, roughly. */
  readonly share: number;
  /** What is read of neighbours is asked last. */
  readonly readsNeighbours: boolean;
}

function conjunction<R extends SeenRecord>(parts: readonly PartTruth<R>[]): PartTruth<R> {
  const tests = inOrder(parts, (part) => part.share);
  const share = parts.reduce((product, part) => (product * part.share) / 1000, 1000);
  const holds = (record: R) => {
    for (let at = 0; at < tests.length; at++) if (!tests[at]!(record)) return false;
    return true;
  };
  return { holds, share, readsNeighbours: parts.some(({ readsNeighbours }) => readsNeighbours) };
}

function disjunction<R extends SeenRecord>(parts: readonly PartTruth<R>[]): PartTruth<R> {
  const tests = inOrder(parts, (part) => 1000 - part.share);
  const share =
    1000 - parts.reduce((product, part) => (product * (1000 - part.share)) / 1000, 1000);
  const holds = (record: R) => {
    for (let at = 0; at < tests.length; at++) if (tests[at]!(record)) return true;
    return false;
  };
  return { holds, share, readsNeighbours: parts.some(({ readsNeighbours }) => readsNeighbours) };
}

function inOrder<R extends SeenRecord>(
  parts: readonly PartTruth<R>[],
  rank: (part: PartTruth<R>) => number,
): RowTruth<R>[] {
  return [...parts]
    .sort((a, b) => Number(a.readsNeighbours) - Number(b.readsNeighbours) || rank(a) - rank(b))
    .map(({ holds }) => holds);
}

function leafTruth<R extends SeenRecord>(
  atom: Atom,
  nowMs: number,
  derivations: Derivations<R>,
): PartTruth<R> {
  const test = atomTest(atom);
  const share = atomShare(atom);
  const reads = atomReads(atom);
  if (reads.some(isDerivedName))
    return { holds: overNeighbours(test, reads, nowMs, derivations), share, readsNeighbours: true };
  const holds = readsClock(atom)
    ? (record: R) => test(record.attributes, nowMs)
    : keptTruth<R>(atomKey(atom), test, nowMs);
  return { holds, share, readsNeighbours: false };
}

/** What the atom reads is gathered in one object, which is used again for each record. */
function overNeighbours<R extends SeenRecord>(
  test: Test,
  names: readonly string[],
  nowMs: number,
  derivations: Derivations<R>,
): RowTruth<R> {
  const values: Record<string, unknown> = {};
  const reads = names.map((name) => {
    const ofOwn = (record: R) => record.attributes[name];
    return { name, read: isDerivedName(name) ? derivations(name) : ofOwn };
  });
  return (record) => {
    for (const { name, read } of reads) values[name] = read(record);
    return test(values, nowMs);
  };
}

const NOTHING_KNOWN: Uint8Array = new Uint8Array(0);

function keptTruth<R extends SeenRecord>(key: string, test: Test, nowMs: number): RowTruth<R> {
  let table: RecordTable | undefined;
  let known: Uint8Array = NOTHING_KNOWN;
  return (record) => {
    if (record.table !== table) {
      table = record.table;
      known = table.known(key);
    }
    const { place } = record;
    if (known[place] === UNKNOWN)
      known[place] = test(record.attributes, nowMs) ? IS_TRUE : IS_FALSE;
    return known[place] === IS_TRUE;
  };
}
