/**
 * truth.ts – The truth of a JsonLogic rule as a predicate: atoms where that is exact, else a
 * program.
 *
 * Keeps true: a part becomes an atom of an index only where that is exact. Everything else stays a
 * `program`, which is always right and only slower, and reads one record.
 */
import { OverBudget } from '../../budget.ts';
import { costOf } from '../../cost.ts';
import { isLogic, operationOf, programReads, truthy } from '../../json-logic/json-logic-program.ts';
import { atomTest } from '../../predicate/atom.ts';
import { ALWAYS, type Atom, NEVER, not, or, type Predicate } from '../../predicate/predicate.ts';
import { hopNamed } from '../../predicate/relationships.ts';
import { TEXT_OPERATIONS } from '../../predicate/text-tests.ts';
import { AGE_OPERATIONS, looksAtClock, PASSING_OPERATIONS } from '../../time/clocks.ts';
import { costly, fault } from '../scope.ts';
import {
  choiceOf,
  conjunctionOf,
  containmentOf,
  equalityOf,
  inequalityOf,
  orderOf,
  passedOf,
  textOf,
  truthOfValue,
} from './connectives.ts';
import { ofMany } from './many.ts';
import { atNeighbour, refuse } from './neighbours.ts';
import type { PartContext, Structure } from './part-context.ts';

const STRUCTURES: ReadonlyMap<string, Structure> = new Map<string, Structure>([
  ['and', conjunctionOf],
  ['or', (args, here) => or(args.map((arg) => truthOf(arg, here)))],
  ['!', ([arg, ...more], here) => (more.length === 0 ? not(truthOf(arg, here)) : undefined)],
  ['!!', ([arg, ...more], here) => (more.length === 0 ? truthOf(arg, here) : undefined)],
  ['if', choiceOf],
  ['?:', choiceOf],
  ['var', truthOfValue],
  ['==', equalityOf],
  ['===', equalityOf],
  ['!=', inequalityOf],
  ['!==', inequalityOf],
  ['<', (args, here) => orderOf('<', args, here)],
  ['<=', (args, here) => orderOf('<=', args, here)],
  ['>', (args, here) => (args.length === 2 ? orderOf('<', [...args].reverse(), here) : undefined)],
  [
    '>=',
    (args, here) => (args.length === 2 ? orderOf('<=', [...args].reverse(), here) : undefined),
  ],
  ['in', containmentOf],
  ...TEXT_OPERATIONS.map(([name, kind]): [string, Structure] => [
    name,
    (args, here) => textOf(kind, args, here),
  ]),
  ...PASSING_OPERATIONS.map((name): [string, Structure] => [
    name,
    (args, here) => passedOf(name, args, here),
  ]),
]);

const CONNECTIVES = new Set(['and', 'or', '!', '!!', 'if', '?:']);

/** A predicate that is true of the record exactly when the rule is truthy of its document. */
export function truthOf(rule: unknown, here: PartContext): Predicate {
  if (!isLogic(rule)) return truthy(rule) ? ALWAYS : NEVER;
  const [name, args] = operationOf(rule);
  return (
    atNeighbour(rule, here) ??
    STRUCTURES.get(name)?.(args, here) ??
    (CONNECTIVES.has(name) ? undefined : ofMany(rule, here)) ??
    programOf(rule, here)
  );
}

/** A part that stays a program; one that reads nothing is decided here. */
function programOf(rule: Readonly<Record<string, unknown>>, here: PartContext): Predicate {
  if (looksAtClock(rule)) {
    fault(here.reading, here.pointers.get(rule) ?? here.root, CLOCK_IN_PROGRAM);
    return NEVER;
  }
  const { paths } = programReads(rule);
  const attributes = [...new Set(paths.map((path) => path.split('.')[0]!))].sort();
  if (attributes.some((name) => hopNamed(here.type, name, here.reading.scope.types)))
    return refuse(rule, paths, here);
  const cost = costOf(rule, here.type, attributes);
  if (typeof cost !== 'number') return tooCostly(cost.part, cost.why, rule, here);
  return overNothing({ kind: 'program', rule, attributes }, here);
}

/**
 * Its truth over nothing is asked when it is kept, and decides it if it reads nothing: it must not
 * cost too much either.
 */
function overNothing(program: Extract<Atom, { kind: 'program' }>, here: PartContext): Predicate {
  try {
    const holds = atomTest(program)({}, 0);
    if (program.attributes.length > 0) return program;
    return holds ? ALWAYS : NEVER;
  } catch (error) {
    if (!(error instanceof OverBudget)) throw error;
    return tooCostly(program.rule, `it takes more than ${error.passed}`, program.rule, here);
  }
}

function tooCostly(
  part: unknown,
  why: string,
  rule: unknown,
  { reading, pointers, root }: PartContext,
): Predicate {
  costly(
    reading,
    pointers.get(part as object) ?? pointers.get(rule as object) ?? root,
    `${why}; ${CHEAPER}`,
  );
  return NEVER;
}

const CHEAPER =
  'what looks at each value once is always cheap enough, such as { "some": [{ "var": ' +
  '"tags" }, { "==": [{ "var": "" }, "vip"] }] }';

const oneOf = (names: readonly string[]) => names.map((name) => `'${name}'`).join(' or ');

const CLOCK_IN_PROGRAM =
  `what looks at the clock is ${oneOf(PASSING_OPERATIONS)} by itself, or ` +
  `${oneOf(AGE_OPERATIONS)} compared with numbers, of a date or datetime attribute; ` +
  'nothing else can be computed of the present';
