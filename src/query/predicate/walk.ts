/**
 * walk.ts – The walks through a predicate: folds it, lists its leaves, or maps them.
 *
 * Keeps true: only these places know how predicates are put together. A new kind of group makes the
 * compiler name them. Callers that only look at atoms and at conditions about neighbours need not
 * know that there are groups.
 */
import { assert } from '../../errors.ts';
import type { Atom, Predicate, RelatedCondition } from './predicate.ts';

/** A part that holds no other part of the same record. */
export type Leaf = Atom | RelatedCondition;

/** Whether the predicate is an atom by itself. */
export function isAtom(predicate: Predicate): predicate is Atom {
  return isLeaf(predicate) && predicate.kind !== 'edge';
}

function isLeaf(predicate: Predicate): predicate is Leaf {
  return predicate.kind !== 'and' && predicate.kind !== 'or' && predicate.kind !== 'not';
}

/** The leaf, where none may speak of neighbours: within a network, and of a measure. */
export function atomOf(leaf: Leaf): Atom {
  assert(leaf.kind !== 'edge', 'nothing here speaks of neighbours');
  return leaf;
}

/** What is made of each kind of part; the parts of a group come as what was made of them. */
export interface Fold<T> {
  readonly group: (kind: 'and' | 'or', children: readonly T[]) => T;
  readonly not: (child: T) => T;
  readonly related: (condition: RelatedCondition) => T;
  readonly atom: (atom: Atom) => T;
}

/** Makes one thing of a predicate, from its leaves up. */
export function foldPredicate<T>(predicate: Predicate, fold: Fold<T>): T {
  switch (predicate.kind) {
    case 'and':
    case 'or':
      return fold.group(
        predicate.kind,
        predicate.children.map((child) => foldPredicate(child, fold)),
      );
    case 'not':
      return fold.not(foldPredicate(predicate.child, fold));
    case 'edge':
      return fold.related(predicate);
    default:
      return fold.atom(predicate);
  }
}

/** The same groups over other leaves. */
export function mapLeaves(predicate: Predicate, change: (leaf: Leaf) => Predicate): Predicate {
  return foldPredicate<Predicate>(predicate, {
    group: (kind, children) => ({ kind, children }),
    not: (child) => ({ kind: 'not', child }),
    related: change,
    atom: change,
  });
}

/** Its leaves, from left to right. */
export function leavesOf(predicate: Predicate): readonly Leaf[] {
  return foldPredicate<readonly Leaf[]>(predicate, {
    group: (_, children) => children.flat(),
    not: (child) => child,
    related: (condition) => [condition],
    atom: (atom) => [atom],
  });
}

/** The predicate's truth, given that of its leaves. A leaf that decides nothing is not asked. */
export function truthOfLeaves(predicate: Predicate, truthOf: (leaf: Leaf) => boolean): boolean {
  switch (predicate.kind) {
    case 'and':
      return predicate.children.every((child) => truthOfLeaves(child, truthOf));
    case 'or':
      return predicate.children.some((child) => truthOfLeaves(child, truthOf));
    case 'not':
      return !truthOfLeaves(predicate.child, truthOf);
    default:
      return truthOf(predicate);
  }
}

/** Whether some leaf is such, in the predicate or in those about neighbours that it holds. */
export function someLeafWithin(predicate: Predicate, isSuch: (leaf: Leaf) => boolean): boolean {
  return leavesOf(predicate).some(
    (leaf) => isSuch(leaf) || (leaf.kind === 'edge' && someLeafWithin(leaf.where, isSuch)),
  );
}
