/**
 * json-logic.ts – A predicate written as JsonLogic: what is stored beside a segment, shown, and
 * given to the reference.
 *
 * Keeps true: the result is an object with one key and has the predicate's truth for every record.
 * Read again as a query (dialects/raw) it has the same key. A neighbour's attributes are read along
 * the path to it. Of many neighbours there is a list, of which `some` or `none` satisfy the rest,
 * or whose count, sum, … is compared. No part is written twice, so that nesting makes nothing
 * large.
 */
import { atomJsonLogic, atomTest, equalsLogic, intervalsLogic } from '../predicate/atom.ts';
import { rowOfValues } from '../predicate/measures.ts';
import {
  type Atom,
  and,
  type ListMeasure,
  MEASURE,
  not,
  or,
  type Predicate,
  type RelatedCondition,
} from '../predicate/predicate.ts';
import {
  atLeastOne,
  edgeOver,
  type Hop,
  hopOf,
  isZero,
  type TypesByName,
  throughHops,
} from '../predicate/relationships.ts';
import { atomOf, foldPredicate, type Leaf, truthOfLeaves } from '../predicate/walk.ts';
import { renamePaths } from './json-logic-program.ts';

/**
 * A part of a query in both of its forms. Its JsonLogic need not be what `predicateJsonLogic`
 * writes: a segment's may be its own.
 */
export interface Meaning {
  readonly predicate: Predicate;
  readonly jsonLogic: unknown;
}

/** Writes a predicate as JsonLogic. `types` know the relationships that it speaks of. */
export function predicateJsonLogic(predicate: Predicate, types: TypesByName): unknown {
  return written(predicate, types, '');
}

/** `path` leads to the record that the predicate is about: empty, or ending in a dot. */
function written(predicate: Predicate, types: TypesByName, path: string): unknown {
  return foldPredicate<unknown>(predicate, {
    group: groupLogic,
    not: (child) => ({ '!': [child] }),
    related: (condition) => edgeLogic(condition, types, path),
    atom: (atom) => {
      const logic = atomJsonLogic(atom);
      return path === '' ? logic : renamePaths(logic, (name) => `${path}${name}`);
    },
  });
}

function edgeLogic(edge: RelatedCondition, types: TypesByName, path: string): unknown {
  const { measure, where, holds } = edge;
  const to = `${path}${hopOf(edge, types).name}`;
  switch (measure.kind) {
    case 'truth':
      return truthLogic(holds, written(where, types, `${to}.`));
    case 'exists':
      return truthLogic(holds, { '!=': [{ var: to }, null] });
    default:
      return measureLogic(
        measure,
        holds,
        to,
        isAlways(where) ? undefined : written(where, types, ''),
      );
  }
}

/** The condition on a truth: it, its complement, or nothing. */
function truthLogic(holds: Predicate, truth: unknown): unknown {
  const [ofTrue, ofFalse] = [measureSatisfies(holds, true), measureSatisfies(holds, false)];
  if (ofTrue === ofFalse) return groupLogic(ofTrue ? 'and' : 'or', []);
  return ofTrue ? truth : { '!': [truth] };
}

/** Whether an edge's `holds` is true of a value of its measure; undefined is a missing one. */
function measureSatisfies(holds: Predicate, value: unknown): boolean {
  const measured = value === undefined ? {} : { [MEASURE]: value };
  // a measure is a number or a truth, which has no age: any clock will do
  return truthOfLeaves(holds, (leaf) => atomTest(atomOf(leaf))(measured, 0));
}

function isAlways(predicate: Predicate): boolean {
  return predicate.kind === 'and' && predicate.children.length === 0;
}

// ——— Measures of many ———

/** `where` is undefined if all are meant. */
function measureLogic(
  measure: ListMeasure,
  holds: Predicate,
  list: string,
  where: unknown,
): unknown {
  if (measure.kind === 'count' && isSame(holds, atLeastOne))
    return { some: [{ var: list }, where ?? true] };
  if (measure.kind === 'count' && isSame(holds, isZero))
    return { none: [{ var: list }, where ?? true] };
  return holdsLogic(holds, valueLogic(measure, list, where), presenceLogic(measure, list, where));
}

function isSame(a: Predicate, b: Predicate): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

function valueLogic(measure: ListMeasure, list: string, where: unknown): unknown {
  const related = where === undefined ? { var: list } : { filter: [{ var: list }, where] };
  switch (measure.kind) {
    case 'count':
      return countLogic(related);
    case 'share':
      return { '/': [countLogic(related), countLogic({ var: list })] };
    default: {
      const { operation } = rowOfValues(measure.kind);
      return { [operation]: [{ map: [related, { var: measure.attribute }] }] };
    }
  }
}

function countLogic(related: unknown): unknown {
  return { reduce: [related, { '+': [1, { var: 'accumulator' }] }, 0] };
}

/** A share of none is 0 ÷ 0, which JavaScript does not find equal to null. */
function presenceLogic(measure: ListMeasure, list: string, where: unknown): unknown {
  if (measure.kind === 'share') return { some: [{ var: list }, true] };
  return { '!=': [valueLogic(measure, list, where), null] };
}

/**
 * No guard against a missing measure: it is undefined or NaN, of which every comparison is false.
 */
function holdsLogic(holds: Predicate, value: unknown, presence: unknown): unknown {
  const ofLeaf = (leaf: Leaf) => comparedLogic(atomOf(leaf), value, presence);
  return foldPredicate<unknown>(holds, {
    group: groupLogic,
    not: (child) => ({ '!': [child] }),
    related: ofLeaf,
    atom: ofLeaf,
  });
}

function comparedLogic(atom: Atom, value: unknown, presence: unknown): unknown {
  switch (atom.kind) {
    case 'equals':
      return equalsLogic(value, atom.values);
    case 'range':
      return intervalsLogic(value, atom.intervals);
    case 'present':
      return presence;
    default:
      throw new Error(`bug: a measure is compared by ${atom.kind}`);
  }
}

// ——— Meanings ———

/** A predicate with the JsonLogic that it is written as. */
export function meaning(predicate: Predicate, types: TypesByName): Meaning {
  return { predicate, jsonLogic: predicateJsonLogic(predicate, types) };
}

/**
 * What a measure of the many at the end of a way satisfies; all steps but the last one lead to one.
 */
export function measured(
  way: readonly Hop[],
  measure: ListMeasure,
  where: Meaning,
  holds: Predicate,
): Meaning {
  return {
    predicate: throughHops(
      way.slice(0, -1),
      edgeOver(way.at(-1)!, measure, where.predicate, holds),
    ),
    jsonLogic: measureLogic(
      measure,
      holds,
      pathOf(way),
      isAlways(where.predicate) ? undefined : where.jsonLogic,
    ),
  };
}

/** All of the many, and there are some: none fails. */
export function matchedByAll(way: readonly Hop[], where: Meaning): Meaning {
  const [last, count] = [way.at(-1)!, { kind: 'count' } as const];
  const noneFails = edgeOver(last, count, not(where.predicate), isZero);
  return {
    predicate: throughHops(
      way.slice(0, -1),
      and([noneFails, edgeOver(last, count, and([]), atLeastOne)]),
    ),
    jsonLogic: { all: [{ var: pathOf(way) }, where.jsonLogic] },
  };
}

function pathOf(way: readonly Hop[]): string {
  return way.map(({ name }) => name).join('.');
}

/** The parts joined: an `and` of none holds always, an `or` of none never. */
export function joined(kind: 'and' | 'or', parts: readonly Meaning[]): Meaning {
  const predicates = parts.map(({ predicate }) => predicate);
  return {
    predicate: kind === 'and' ? and(predicates) : or(predicates),
    jsonLogic: groupLogic(
      kind,
      parts.map(({ jsonLogic }) => jsonLogic),
    ),
  };
}

/** The exact complement. */
export function negated({ predicate, jsonLogic }: Meaning): Meaning {
  return { predicate: not(predicate), jsonLogic: { '!': [jsonLogic] } };
}

/** JsonLogic's `and` and `or` of nothing are both falsy, so the empty ones get a constant. */
function groupLogic(kind: 'and' | 'or', children: readonly unknown[]): unknown {
  return { [kind]: children.length > 0 ? children : [kind === 'and'] };
}
