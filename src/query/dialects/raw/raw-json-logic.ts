/**
 * raw-json-logic.ts – Reads a query that is given as JsonLogic: checks it strictly, then finds the
 * atoms in it.
 *
 * Keeps true: what is made of a rule is truthy exactly when json-logic-js says so of the record's
 * document, with its own treatment of missing values (`null < 10` is true). A part becomes an
 * index's atom only where that is exact; everything else stays a `program`, which is always right
 * and only slower. A program is of one record: a part whose paths all lead over one relationship to
 * one is said of the record there; of many there are `some`, `all`, `none`, and comparisons of what
 * raw-measure.ts reads; what would need several records at once is refused. Whatever json-logic.ts
 * writes is read back as what it was.
 */
import type { Attribute, ObjectType } from '../../../change/object-type.ts';
import { isTimeZone } from '../../../change/time-zone.ts';
import { pointer } from '../../../errors.ts';
import { OverBudget } from '../../budget.ts';
import { costOf } from '../../cost.ts';
import type { Meaning } from '../../json-logic/json-logic.ts';
import {
  isLogic,
  operationOf,
  PROGRAM_OPERATIONS,
  programReads,
  renamePaths,
  truthy,
} from '../../json-logic/json-logic-program.ts';
import { atomTest, fold } from '../../predicate/atom.ts';
import { MEASURES_IN_WORDS } from '../../predicate/measures.ts';
import {
  ALWAYS,
  type Atom,
  type AttributeView,
  and,
  type Clock,
  type Interval,
  NEVER,
  not,
  or,
  type Predicate,
  type Scalar,
} from '../../predicate/predicate.ts';
import {
  atLeastOne,
  edgeOver,
  hopNamed,
  isTrue,
  isZero,
  throughHop,
} from '../../predicate/relationships.ts';
import { isEmptyInterval, wholeInterval } from '../../predicate/value-set.ts';
import { isClockOperation, looksAtClock, readClock } from '../../time/clock-logic.ts';
import {
  costly,
  DEPTH_MAX,
  describeHop,
  fault,
  NODES_MAX,
  ownAttribute,
  quote,
  type Reading,
  readingOf,
  TOO_DEEP,
  TOO_FAR,
  TOO_MANY,
  typeAt,
} from '../scope.ts';
import { elementsOf, type Items, refuseLiterals, withZonedDates } from './raw-literals.ts';
import {
  isCountBody,
  isMeasureBody,
  listType,
  type Measured,
  readMeasured,
  withExactSums,
} from './raw-measure.ts';

/**
 * Reads a rule, or notes why it can't be taken. It is its own JsonLogic, but that sums over a
 * relationship are made exact, and that an age of a date names the time zone.
 */
export function readJsonLogic(rule: unknown, path: string, reading: Reading): Meaning | undefined {
  const faultsBefore = reading.faults.length;
  const { nodes, depth } = measure(rule);
  if (depth > DEPTH_MAX) return fault(reading, path, TOO_DEEP);
  if (nodes > NODES_MAX) return fault(reading, path, TOO_MANY);
  const pointers: Pointers = new Map();
  check(rule, { path, place: reading.scope.type, reading, pointers });
  if (reading.faults.length > faultsBefore || reading.costs.length > 0) return undefined;
  const { type, types } = reading.scope;
  const copied = (from: object, to: object) => copyPointer(pointers, from, to);
  const exact = withExactSums(withZonedDates(rule, type, reading, copied), type, types, copied);
  const predicate = truthOf(exact, { type, reading, pointers, root: path });
  const isRefused = reading.faults.length > faultsBefore || reading.costs.length > 0;
  return isRefused ? undefined : { predicate, jsonLogic: exact };
}

/** Where each operation stands in what was sent. */
type Pointers = Map<object, string>;

function copyPointer(pointers: Pointers, from: object, to: object): void {
  const path = pointers.get(from);
  if (path !== undefined) pointers.set(to, path);
}

type Args = readonly unknown[];

// ——— Size ———

interface Size {
  readonly nodes: number;
  readonly depth: number;
}

const NO_SIZE: Size = { nodes: 0, depth: 0 };

/**
 * Counts like a rule group does: what one rule is written as counts as one, so that what we return
 * is not too large.
 */
function measure(rule: unknown): Size {
  if (Array.isArray(rule)) return total(rule);
  if (!isLogic(rule)) return NO_SIZE;
  const [name, args] = operationOf(rule);
  if (isCountBody(rule)) return NO_SIZE;
  const inner = total(args);
  if (isTransparent(name, args)) return inner;
  if (name === 'some' || name === 'none' || name === 'all')
    return { ...inner, nodes: Math.max(inner.nodes, 1) };
  if (isMembershipList(name, args)) return { nodes: 1, depth: 0 };
  if (args.some(isMeasure)) return { nodes: inner.nodes + 1, depth: inner.depth };
  return { nodes: inner.nodes + 1, depth: inner.nodes === 0 ? 0 : inner.depth + 1 };
}

function total(rules: Args): Size {
  let nodes = 0;
  let depth = 0;
  for (const rule of rules) {
    const size = measure(rule);
    nodes += size.nodes;
    depth = Math.max(depth, size.depth);
  }
  return { nodes, depth };
}

/**
 * What is no group and no condition of its own: reading a value or a measure, `not`, and the guard
 * against a missing value.
 */
function isTransparent(name: string, args: Args): boolean {
  if (TRANSPARENT.has(name) || isMeasureBody(name, args)) return true;
  return (
    isGuard(name, args) ||
    (name === 'and' && args.some((arg) => isLogic(arg) && isGuard(...operationOf(arg))))
  );
}

const TRANSPARENT = new Set(['var', 'toLowerCase', 'startOfDay', '!', 'now', 'elapsed', 'periods']);

/** What compares it is one condition, about what stands in it. */
function isMeasure(rule: unknown): boolean {
  return isLogic(rule) && isMeasureBody(...operationOf(rule));
}

function isGuard(name: string, args: Args): boolean {
  return name === '!=' && args.length === 2 && args[1] === null;
}

/**
 * `containsAny` and `containsAll` are one rule each, whatever the number of values, and so is `in`
 * of days.
 */
function isMembershipList(name: string, args: Args): boolean {
  if ((name !== 'or' && name !== 'and') || args.length === 0) return false;
  return args.every(isMembership) || (name === 'or' && args.every(isSpan) && areOfOneValue(args));
}

/** A list contains a value, or one between two others. */
function isMembership(rule: unknown): boolean {
  if (!isLogic(rule)) return false;
  const [name, args] = operationOf(rule);
  if (name === 'some') return args.length === 2 && isLogic(args[0]) && isSpan(args[1]);
  return name === 'in' && args.length === 2 && isScalar(args[0]) && isLogic(args[1]);
}

function areOfOneValue(spans: Args): boolean {
  const names = spans.map((span) =>
    JSON.stringify(operationOf(span as Readonly<Record<string, unknown>>)[1][1]),
  );
  return new Set(names).size === 1;
}

/** A value lies between two constants: `{"<=": [low, {"var": …}, high]}`. */
function isSpan(rule: unknown): boolean {
  if (!isLogic(rule)) return false;
  const [name, [low, value, high, ...more]] = operationOf(rule);
  if (name !== '<=' || !isScalar(low) || !isScalar(high) || more.length > 0) return false;
  return isLogic(value) && operationOf(value)[0] === 'var';
}

// ——— Checking ———

/**
 * Where a rule stands: at the document of a record of some type, or inside of `map`, `some`, … over
 * other items than records.
 */
interface QueryPosition {
  readonly path: string;
  readonly place: Items | 'item';
  readonly reading: Reading;
  readonly pointers: Pointers;
}

export const REFUSED_OPERATIONS: ReadonlySet<string> = new Set(['log', 'method']);
const OVER_ITEMS = new Set(['map', 'filter', 'reduce', 'all', 'some', 'none']);

function check(rule: unknown, at: QueryPosition): void {
  if (Array.isArray(rule)) {
    at.pointers.set(rule, at.path);
    for (const [index, item] of rule.entries())
      if (!isSound(item)) check(item, stepInto(at, index));
  } else if (typeof rule === 'object' && rule !== null) {
    checkObject(rule as Readonly<Record<string, unknown>>, at);
  } else if (typeof rule === 'number' && !Number.isFinite(rule)) {
    fault(at.reading, at.path, 'the number is too large');
  }
}

/**
 * Lists can have a hundred thousand scalars, of which nothing is to be said: no pointer is written
 * for those.
 */
function isSound(value: unknown): boolean {
  return (
    value === null ||
    (typeof value === 'number' ? Number.isFinite(value) : typeof value !== 'object')
  );
}

function checkObject(rule: Readonly<Record<string, unknown>>, at: QueryPosition): void {
  at.pointers.set(rule, at.path);
  const keys = Object.keys(rule);
  const [name] = keys;
  if (name === undefined || keys.length > 1) {
    const found = name === undefined ? 'none' : keys.map((key) => `'${key}'`).join(', ');
    fault(at.reading, at.path, `JsonLogic has one operation at each level; here are ${found}`);
  } else if (isClockOperation(name)) {
    checkClock(rule, operationOf(rule)[1], stepInto(at, name));
  } else if (REFUSED_OPERATIONS.has(name) || !PROGRAM_OPERATIONS.has(name)) {
    const why = REFUSED_OPERATIONS.has(name)
      ? `the operation '${name}' is not allowed`
      : `there is no operation '${name}'`;
    fault(at.reading, pointer(at.path, name), why);
  } else {
    checkOperation(name, operationOf(rule)[1], Array.isArray(rule[name]), stepInto(at, name));
  }
}

function checkOperation(name: string, args: Args, isList: boolean, at: QueryPosition): void {
  const argAt = (index: number) => (isList ? stepInto(at, index) : at);
  switch (name) {
    case 'var':
      checkVar(args, at, argAt);
      return;
    case 'missing':
      checkKeys(Array.isArray(args[0]) && args.length === 1 ? args[0] : args, argAt(0));
      return;
    case 'missing_some':
      check(args[0], argAt(0));
      checkKeys(args[1], argAt(1));
      for (const [index, more] of args.slice(2).entries()) check(more, argAt(index + 2));
      return;
    case '*':
      if (args.length === 0) fault(at.reading, at.path, `'*' takes at least one argument`);
      break;
    case 'startOfDay':
      if (args.length !== 2 || typeof args[1] !== 'string' || !isTimeZone(args[1]))
        fault(at.reading, at.path, DAYS);
      break;
    case 'reduce':
      if (canExplode(args[1])) costly(at.reading, argAt(1).path, EXPLODES);
      break;
    default:
  }
  if (at.place !== 'item') refuseLiterals(name, args, at.place, pathsBelow(argAt), at.reading);
  for (const [index, arg] of args.entries()) {
    if (isSound(arg)) continue;
    const isOfItems = OVER_ITEMS.has(name) && index === 1;
    check(arg, isOfItems ? { ...argAt(index), place: itemPlace(name, args[0], at) } : argAt(index));
  }
}

const DAYS = `'startOfDay' takes a date and the name of a time zone: { "startOfDay": [{ "var": … }, "Europe/Zurich"] }`;

/** Where an argument stands, or an element of it. */
function pathsBelow(
  argAt: (index: number) => QueryPosition,
): (index: number, element?: number) => string {
  return (index, element) =>
    (element === undefined ? argAt(index) : stepInto(argAt(index), element)).path;
}

/**
 * An operation that is given the present. By itself that is not to be had: a value that is computed
 * from it flips unforeseen.
 */
function checkClock(rule: unknown, args: Args, at: QueryPosition): void {
  if (readClock(rule)) check(args[0], stepInto(at, 0));
  else fault(at.reading, at.path, CLOCKS);
}

const CLOCKS = `time is asked for by { "elapsed": [value, now] } (of a date [value, now, zone]), { "periods": [value, now, "day" | "week" | "month" | "quarter" | "year", zone] } and { "before" | "notAfter": [value, now, anchor, offset, "millisecond" | "day" | "month", zone] }, where now is { "now": [] }`;

/**
 * What an operation over items sees of one: a record, if they are records; `reduce` shows it beside
 * the accumulator.
 */
function itemPlace(
  name: string,
  items: unknown,
  { place, reading }: QueryPosition,
): QueryPosition['place'] {
  if (name === 'reduce' || place === 'item') return 'item';
  const { types } = reading.scope;
  return (
    ('attributes' in place ? listType(items, place, types) : undefined) ??
    elementsOf(items, place, types) ??
    'item'
  );
}

const EXPLODES = `what 'reduce' repeats may compute with its accumulator, but not put it together or loop over it (in a list, 'merge', 'cat', 'in', 'map', 'filter', …): its work would grow with each item`;
const GROWING = new Set(['merge', 'cat', 'in', 'substr', ...OVER_ITEMS]);

/**
 * Put together with itself at each item, or looped over, an accumulator takes minutes over a list
 * that fits into one record. A list that is written out puts it together as `merge` does:
 * `[accumulator, accumulator]` doubles.
 */
function canExplode(body: unknown, isGrowing = false): boolean {
  if (Array.isArray(body)) return body.some((part) => canExplode(part, true));
  if (!isLogic(body)) return false;
  const [name, args] = operationOf(body as Readonly<Record<string, unknown>>);
  if (name === 'var') {
    const [path, otherwise] = args;
    if (canExplode(otherwise, isGrowing)) return true;
    return isGrowing && /^(?:|null|accumulator(?:\..*)?)$/.test(String(path ?? ''));
  }
  return args.some((arg) => canExplode(arg, isGrowing || GROWING.has(name)));
}

function stepInto(at: QueryPosition, step: string | number): QueryPosition {
  return { ...at, path: pointer(at.path, step) };
}

function checkVar(args: Args, at: QueryPosition, argAt: (index: number) => QueryPosition): void {
  const [path, otherwise] = args;
  if (args.length > 2) fault(at.reading, at.path, `'var' takes a path and a default, and no more`);
  if (path !== null && typeof path === 'object') {
    fault(at.reading, argAt(0).path, `the path of 'var' is a text, not one that is computed`);
  } else {
    checkPath(path ?? '', argAt(0));
  }
  if (args.length > 1) check(otherwise, argAt(1));
}

/** The keys of `missing` and `missing_some`: constants, each a path. */
function checkKeys(keys: unknown, at: QueryPosition): void {
  if (!Array.isArray(keys)) {
    fault(at.reading, at.path, 'the keys are a list of texts');
    return;
  }
  for (const key of keys) {
    if (typeof key === 'string') checkPath(key, at);
    else fault(at.reading, at.path, `the keys are texts, not ${quote(key)}`);
  }
}

function checkPath(path: unknown, at: QueryPosition): void {
  const steps = String(path).split('.');
  const inherited = steps.find((step) => step in Object.prototype);
  // A value of JSON inherits these, so that json-logic-js finds something there.
  if (inherited !== undefined) fault(at.reading, at.path, `'${inherited}' can't be part of a path`);
  else if (at.place !== 'item' && 'attributes' in at.place) checkDocumentPath(steps, at.place, at);
}

/**
 * The document has the declared attributes and neighbours; inside of an object anything may be, of
 * a list its items and its length.
 */
function checkDocumentPath(
  steps: readonly string[],
  type: ObjectType,
  { path, reading }: QueryPosition,
): void {
  const [first = '', ...deeper] = steps;
  if (first === '') {
    fault(reading, path, 'the record as a whole can not be read, only its attributes');
    return;
  }
  const hop = hopNamed(type, first, reading.scope.types);
  if (hop) {
    const target = typeAt(hop, type, reading, path);
    if (!target || deeper.length === 0) return;
    if (deeper.length > DEPTH_MAX) fault(reading, path, TOO_FAR);
    else if (hop.many)
      fault(
        reading,
        path,
        `${describeHop(hop, type)}: '${deeper.join('.')}' is read of each by ${OF_MANY}`,
      );
    else checkDocumentPath(deeper, target, { path, reading } as QueryPosition);
    return;
  }
  const attribute = ownAttribute(readingOf(type, reading), first, path);
  if (attribute && !leadsInto(attribute, deeper)) {
    fault(reading, path, `'${deeper.join('.')}' is no part of '${first}'`);
  }
}

const OF_MANY = 'some, all, none, filter or map';

function leadsInto({ type }: Attribute, [step, ...deeper]: readonly string[]): boolean {
  if (step === undefined || type === 'object') return true;
  return type === 'list' && deeper.length === 0 && (step === 'length' || /^\d+$/.test(step));
}

// ——— Truth ———

/** The record that a part speaks of. */
interface Here {
  readonly type: ObjectType;
  readonly reading: Reading;
  readonly pointers: Pointers;
  readonly root: string;
}

/** What an operation's truth is as a predicate, or undefined where only running it says. */
type Structure = (args: Args, here: Here) => Predicate | undefined;

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
  ['startsWith', (args, here) => textOf('prefix', args, here)],
  ['endsWith', (args, here) => textOf('suffix', args, here)],
  ['before', (args, here) => passedOf('before', args, here)],
  ['notAfter', (args, here) => passedOf('notAfter', args, here)],
]);

const CONNECTIVES = new Set(['and', 'or', '!', '!!', 'if', '?:']);

function truthOf(rule: unknown, here: Here): Predicate {
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
function programOf(rule: Readonly<Record<string, unknown>>, here: Here): Predicate {
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
function overNothing(program: Extract<Atom, { kind: 'program' }>, here: Here): Predicate {
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
  { reading, pointers, root }: Here,
): Predicate {
  costly(
    reading,
    pointers.get(part as object) ?? pointers.get(rule as object) ?? root,
    `${why}; ${CHEAPER}`,
  );
  return NEVER;
}

const CHEAPER =
  'what looks at each value once is always cheap enough, such as { "some": [{ "var": "tags" }, { "==": [{ "var": "" }, "vip"] }] }';

const CLOCK_IN_PROGRAM = `what looks at the clock is 'before' or 'notAfter' by itself, or 'elapsed' or 'periods' compared with numbers, of a date or datetime attribute; nothing else can be computed of the present`;

// ——— Neighbours ———

/**
 * A rule whose every path leads over one relationship to one is said of the record there: of
 * nothing, if there is none.
 */
function atNeighbour(rule: Readonly<Record<string, unknown>>, here: Here): Predicate | undefined {
  const { paths } = programReads(rule);
  const [first = ''] = paths[0]?.split('.') ?? [];
  if (paths.length === 0 || !paths.every((path) => path.startsWith(`${first}.`))) return undefined;
  const hop = hopNamed(here.type, first, here.reading.scope.types);
  const type = hop && here.reading.scope.types.get(hop.target);
  if (!type || hop.many || namesKeys(rule)) return undefined;
  const there = renamePaths(
    rule,
    (path) => path.slice(first.length + 1),
    (from, to) => copyPointer(here.pointers, from, to),
  );
  return throughHop(hop, truthOf(there, { ...here, type }));
}

/**
 * `missing` gives the names of keys as values: within a rule, other names are other values; by
 * itself only whether there are any counts.
 */
function namesKeys(rule: Readonly<Record<string, unknown>>): boolean {
  return !NAMES_KEYS.has(operationOf(rule)[0]) && mentionsKeys(rule);
}

const NAMES_KEYS = new Set(['missing', 'missing_some']);

function mentionsKeys(rule: unknown): boolean {
  if (Array.isArray(rule)) return rule.some(mentionsKeys);
  if (!isLogic(rule)) return false;
  const [name, args] = operationOf(rule);
  if (NAMES_KEYS.has(name)) return true;
  return args.some((arg, index) => !(OVER_ITEMS.has(name) && index === 1) && mentionsKeys(arg));
}

function refuse(
  rule: Readonly<Record<string, unknown>>,
  paths: readonly string[],
  here: Here,
): Predicate {
  const isChoice = CHOICES.has(operationOf(rule)[0]);
  const why = isChoice
    ? CHOICE_IN_CHOICE
    : mentionsKeys(rule)
      ? KEYS_AS_VALUES
      : whyRefused(paths, here);
  fault(here.reading, here.pointers.get(rule) ?? here.root, why);
  return NEVER;
}

const KEYS_AS_VALUES = `'missing' gives back the names of its keys, which can only be counted as there or not where they lead to other records`;
const CHOICES = new Set(['if', '?:']);
const CHOICE_IN_CHOICE = `a condition that holds an 'if' itself can't look at other records: write it with and, or and !`;

/**
 * Why a computation over these paths, some of which lead to neighbours, can't be kept as they
 * change.
 */
function whyRefused(paths: readonly string[], { type, reading }: Here): string {
  const { types } = reading.scope;
  for (const path of paths) {
    const [first = '', ...deeper] = path.split('.');
    const hop = hopNamed(type, first, types);
    if (!hop) continue;
    if (hop.many) return `${describeHop(hop, type)}: ${MANY_CAN}`;
    if (deeper.length === 0)
      return `${describeHop(hop, type)}: ask whether it is there, or name an attribute of it`;
  }
  const named = paths.map((path) => `'${path}'`).join(', ');
  return `${named} are of more than one record, and a value that is computed from several can't be kept`;
}

const MANY_CAN = `they can be asked with some, all or none, and their ${MEASURES_IN_WORDS} can be compared with numbers`;

/**
 * What is asked of many neighbours: whether some satisfy a rule, or how a measure of them compares.
 */
function ofMany(rule: Readonly<Record<string, unknown>>, here: Here): Predicate | undefined {
  const [name, args] = operationOf(rule);
  switch (name) {
    case 'some':
    case 'none':
    case 'all':
      return quantified(name, args, here);
    case 'filter':
      return counted(rule, here, atLeastOne);
    default:
      return COMPARING.has(name) ? compared(name, args, here) : measuredTruth(rule, here);
  }
}

function quantified(
  name: 'some' | 'none' | 'all',
  [list, each, ...more]: Args,
  here: Here,
): Predicate | undefined {
  const found = each === undefined || more.length > 0 ? undefined : measuredOf(countOf(list), here);
  const type = found && here.reading.scope.types.get(found.hop.target);
  if (!type) return undefined;
  const satisfied = truthOf(each, { ...here, type });
  if (name !== 'all') return countedAs(found, satisfied, name === 'some' ? atLeastOne : isZero);
  // what the list is restricted to is said twice here: if that looks further, nesting would double
  // it at each level
  if (looksFurther(found.where)) return undefined;
  return and([countedAs(found, not(satisfied), isZero), countedAs(found, ALWAYS, atLeastOne)]);
}

/** Those neighbours that satisfy one thing more. */
function countedAs(
  { hop, measure, where }: Measured,
  satisfied: Predicate,
  holds: Predicate,
): Predicate {
  return edgeOver(hop, measure, where === ALWAYS ? satisfied : and([where, satisfied]), holds);
}

function looksFurther(predicate: Predicate): boolean {
  if ('children' in predicate) return predicate.children.some(looksFurther);
  return 'child' in predicate ? looksFurther(predicate.child) : predicate.kind === 'edge';
}

/** How many records are in a list of neighbours, if it is one. */
function counted(list: unknown, here: Here, holds: Predicate): Predicate | undefined {
  const found = measuredOf(countOf(list), here);
  return found && holdsOf(found, holds);
}

function countOf(list: unknown): unknown {
  return { reduce: [list, { '+': [1, { var: 'accumulator' }] }, 0] };
}

function measuredOf(rule: unknown, here: Here): Measured | undefined {
  const { types } = here.reading.scope;
  return readMeasured(rule, here.type, types, (part, type) => truthOf(part, { ...here, type }));
}

/** A measure by itself: it is there, and is not 0. */
function measuredTruth(rule: unknown, here: Here): Predicate | undefined {
  const found = measuredOf(rule, here);
  const view = found?.view;
  return found && view && holdsOf(found, and([present(view), not(equals(view, [0]))]));
}

function holdsOf({ hop, measure, where }: Measured, holds: Predicate): Predicate {
  return edgeOver(hop, measure, where, holds);
}

/**
 * A measure compared with numbers. It is undefined or NaN where it is missing: nothing but `!=` and
 * `!==` holds of that.
 */
function compared(name: string, args: Args, here: Here): Predicate | undefined {
  const at = args.findIndex((arg) => isLogic(arg));
  const found = at < 0 ? undefined : measuredOf(args[at], here);
  if (!found) return undefined;
  const holds = comparedHolds(name, args, at, found);
  return holds && holdsOf(found, holds);
}

const COMPARING = new Set(['==', '===', '!=', '!==', '<', '<=', '>', '>=', 'in']);

function comparedHolds(
  name: string,
  args: Args,
  at: number,
  { view, measure }: Measured,
): Predicate | undefined {
  const others = args.toSpliced(at, 1);
  const [other] = others;
  switch (name) {
    case '==':
    case '===':
    case '!=':
    case '!==': {
      if (others.length !== 1 || !(other === null || isNumber(other))) return undefined;
      const nullish = name.length === 2 && measure.kind !== 'share' ? not(present(view)) : NEVER;
      const equal = other === null ? nullish : equals(view, [other]);
      return name.startsWith('!') ? not(equal) : equal;
    }
    case '<':
    case '<=':
      return others.every(isNumber)
        ? between(view, args[at - 1], args[at + 1], name === '<=', args.length)
        : undefined;
    case '>':
    case '>=':
      if (args.length !== 2 || !isNumber(other)) return undefined;
      return between(view, args[at + 1], args[at - 1], name === '>=', args.length);
    case 'in':
      if (args.length !== 2 || at !== 0 || !Array.isArray(other) || !other.every(isNumber))
        return undefined;
      return equals(view, other);
    default:
      return undefined;
  }
}

/** What lies next to the measure on either side; of three, it stands between two. */
function between(
  view: AttributeView,
  low: unknown,
  high: unknown,
  inclusive: boolean,
  sides: number,
): Predicate | undefined {
  const bounds = { low: bound(low), high: bound(high) };
  if (sides < 2 || sides > 3 || (sides === 3 && (bounds.low === null || bounds.high === null)))
    return undefined;
  return range(view, {
    ...bounds,
    lowInclusive: inclusive && bounds.low !== null,
    highInclusive: inclusive && bounds.high !== null,
  });
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

/**
 * Whether there is a neighbour, where the path leads to one; whether there are any, where it leads
 * to many.
 */
function existenceOf(args: Args, here: Here): Predicate | undefined {
  const [path] = args;
  const hop =
    args.length === 1 ? hopNamed(here.type, String(path), here.reading.scope.types) : undefined;
  if (!hop) return undefined;
  return hop.many ? throughHop(hop, ALWAYS) : edgeOver(hop, { kind: 'exists' }, ALWAYS, isTrue);
}

/** A neighbour compared with null. */
function absenceOf(args: Args, here: Here): Predicate | undefined {
  const [left, right] = args;
  const rule = left === null ? right : left;
  if (args.length !== 2 || !(left === null || right === null) || !isLogic(rule)) return undefined;
  const [name, path] = operationOf(rule);
  const hop = name === 'var' && hopNamed(here.type, String(path[0]), here.reading.scope.types);
  const exists = hop && !hop.many ? existenceOf(path, here) : undefined;
  return exists && not(exists);
}

// ——— Connectives and atoms ———

/** JsonLogic's `and` of nothing is falsy. */
function conjunctionOf(args: Args, here: Here): Predicate {
  if (args.length === 0) return NEVER;
  return guardedComparison(args, here) ?? and(args.map((arg) => truthOf(arg, here)));
}

/**
 * `if a then b else c` is (a and b) or (not a and c). A condition is written twice, so one with
 * choices stays a program.
 */
function choiceOf(args: Args, here: Here): Predicate | undefined {
  const [condition, result, ...more] = args;
  if (args.length < 2) return args.length === 0 ? NEVER : truthOf(condition, here);
  if (hasChoice(condition)) return undefined;
  const holds = truthOf(condition, here);
  const otherwise = choiceOf(more, here);
  return otherwise && or([and([holds, truthOf(result, here)]), and([not(holds), otherwise])]);
}

function hasChoice(rule: unknown): boolean {
  if (Array.isArray(rule)) return rule.some(hasChoice);
  if (!isLogic(rule)) return false;
  const [name, args] = operationOf(rule);
  return CHOICES.has(name) || args.some(hasChoice);
}

/** A value by itself holds unless it is missing, "", 0, false or an empty list. */
function truthOfValue(args: Args, here: Here): Predicate | undefined {
  const read = readView({ var: args }, here.type);
  if (!read) return existenceOf(args, here);
  switch (read.attribute.type) {
    case 'boolean':
      return equals(read.view, [true]);
    case 'string':
      return nonEmpty(read.view);
    case 'number':
      return and([present(read.view), not(equals(read.view, [0]))]);
    case 'list':
      return undefined;
    default:
      return present(read.view);
  }
}

function equalityOf(args: Args, here: Here): Predicate | undefined {
  const pair = readPair(args, here.type);
  if (!pair) return absenceOf(args, here);
  if (pair.constant === null) return not(present(pair.read.view));
  return fits(pair.constant, pair.read) ? equalsRead(pair.read, [pair.constant]) : undefined;
}

function inequalityOf(args: Args, here: Here): Predicate | undefined {
  const equal = equalityOf(args, here);
  return equal && not(equal);
}

/**
 * Constants below or above a value; with three arguments both. A missing value is null, and `null <
 * 10` is true in JavaScript.
 */
function orderOf(order: '<' | '<=', args: Args, here: Here): Predicate | undefined {
  const at = args.length === 3 || !readView(args[0], here.type) ? 1 : 0;
  const read = readView(args[at], here.type);
  const bounds = args.toSpliced(at, 1);
  if (!read || read.jsType === 'boolean' || args.length < 2 || args.length > 3) return undefined;
  if (!bounds.every((bound) => isScalar(bound) && fits(bound, read))) return undefined;
  const [low, high] = [bound(args[at - 1]), bound(args[at + 1])];
  const inclusive = order === '<=';
  const inside = rangeRead(read, {
    low,
    lowInclusive: inclusive && low !== null,
    high,
    highInclusive: inclusive && high !== null,
  });
  const holds = STANDS[order];
  const holdsOfNull = (low === null || holds(low, null)) && (high === null || holds(null, high));
  return holdsOfNull ? or([inside, not(present(read.view))]) : inside;
}

/** A bound of an interval, where none is null; 0 for -0, as in records. */
function bound(value: unknown): Scalar | null {
  return value === undefined ? null : plusZero(value as Scalar);
}

const STANDS: Record<'<' | '<=', (a: unknown, b: unknown) => boolean> = {
  '<': (a, b) => (a as number) < (b as number),
  '<=': (a, b) => (a as number) <= (b as number),
};

/** In a list of constants; or of a constant in a list, or in a text. */
function containmentOf(args: Args, here: Here): Predicate | undefined {
  const [needle, place] = args;
  if (args.length !== 2) return undefined;
  if (Array.isArray(place)) {
    const read = readView(needle, here.type);
    return read && place.every((value) => isScalar(value) && fits(value, read))
      ? equalsRead(read, place)
      : undefined;
  }
  const read = readView(place, here.type);
  if (!read || !isScalar(needle) || !isFoldedLike(needle, read.view)) return undefined;
  if (read.attribute.type === 'list')
    return { kind: 'member', view: read.view, value: plusZero(needle) };
  if (read.jsType !== 'string' || typeof needle !== 'string') return undefined;
  // An empty text contains nothing at all, not even "".
  if (needle === '')
    return read.attribute.type === 'string' ? nonEmpty(read.view) : present(read.view);
  return { kind: 'substring', view: read.view, needle };
}

function textOf(kind: 'prefix' | 'suffix', args: Args, here: Here): Predicate | undefined {
  const [value, needle] = args;
  const read = readView(value, here.type);
  if (args.length !== 2 || read?.jsType !== 'string' || typeof needle !== 'string')
    return undefined;
  if (!isFoldedLike(needle, read.view)) return undefined;
  return needle === '' ? present(read.view) : { kind, view: read.view, needle };
}

/** Whether a value has passed a moment; a missing one never has. */
function passedOf(name: 'before' | 'notAfter', args: Args, here: Here): Predicate | undefined {
  const read = readAge({ [name]: args }, here.type);
  return read && rangeRead(read, { low: 1, lowInclusive: true, high: null, highInclusive: false });
}

function isPassing(name: string): boolean {
  return name === 'before' || name === 'notAfter';
}

const COMPARISONS: ReadonlyMap<string, '=' | '<' | '<='> = new Map([
  ['===', '='],
  ['<', '<'],
  ['<=', '<='],
] as const);

/**
 * Two attributes with values, compared: `{"and": [{"!=": [a, null]}, {"!=": [b, null]}, {"<": [a,
 * b]}]}`.
 */
function guardedComparison(args: Args, here: Here): Predicate | undefined {
  const [leftGuard, rightGuard, comparison] = args;
  if (args.length !== 3 || !isLogic(comparison)) return undefined;
  const [name, sides] = operationOf(comparison);
  const order = COMPARISONS.get(name);
  const [left, right] = [readSide(sides[0], here.type), readSide(sides[1], here.type)];
  if (!order || !left?.jsType || left.jsType !== right?.jsType || sides.length !== 2)
    return undefined;
  if (left.clock || right.clock) return undefined;
  if (left.jsType === 'boolean' && order !== '=') return undefined;
  if (!guards(leftGuard, left.view, here) || !guards(rightGuard, right.view, here))
    return undefined;
  return { kind: 'compare', left: left.view, order, right: right.view };
}

/** A value, or the moment at which the day of a date begins. */
function readSide(rule: unknown, type: ObjectType): Read | undefined {
  if (!isLogic(rule) || operationOf(rule)[0] !== 'startOfDay') return readView(rule, type);
  const [date, zone] = operationOf(rule)[1];
  const read = readView(date, type);
  if (read?.attribute.type !== 'date' || read.clock) return undefined;
  return { ...read, view: { ...read.view, datesIn: String(zone) } };
}

function guards(rule: unknown, { attribute }: AttributeView, here: Here): boolean {
  if (!isLogic(rule)) return false;
  const [name, args] = operationOf(rule);
  return isGuard(name, args) && readView(args[0], here.type)?.view.attribute === attribute;
}

// ——— Reading values ———

/** A value that is read from the record, and its JS type if it is a scalar; by a clock, its age. */
interface Read {
  readonly clock?: Clock;
  readonly view: AttributeView;
  readonly attribute: Attribute;
  readonly jsType: 'string' | 'number' | 'boolean' | undefined;
}

/**
 * `{"var": "name"}` without a default, or `toLowerCase` of that where there are strings to fold.
 */
function readView(rule: unknown, type: ObjectType): Read | undefined {
  if (!isLogic(rule)) return undefined;
  const [name, args] = operationOf(rule);
  const [arg] = args;
  if (isClockOperation(name)) return isPassing(name) ? undefined : readAge(rule, type);
  if (args.length !== 1) return undefined;
  if (name === 'toLowerCase') {
    const read = readView(arg, type);
    const hasCase = read?.attribute.type === 'string' || read?.attribute.of === 'string';
    return read && hasCase ? { ...read, view: { ...read.view, folded: true } } : undefined;
  }
  const attribute =
    name === 'var' && typeof arg === 'string' ? type.attributes.get(arg) : undefined;
  return (
    attribute && {
      view: { attribute: String(arg), folded: false },
      attribute,
      jsType: jsTypeOf(attribute),
    }
  );
}

/** The age of a date or datetime; of a missing one it is null, as the value is. */
function readAge(rule: unknown, type: ObjectType): Read | undefined {
  const told = readClock(rule);
  const read = told && readView(told.value, type);
  if (!read || read.clock) return undefined;
  switch (read.attribute.type) {
    case 'date':
      return { ...read, clock: clockOfDates(told.clock), jsType: 'number' };
    case 'datetime': {
      const { datesIn: _, ...clock } = told.clock;
      return { ...read, clock, jsType: 'number' };
    }
    default:
      return undefined;
  }
}

/**
 * A date is the moment at which its day begins in the time zone of the clock, or in the one that is
 * there for dates.
 */
function clockOfDates(clock: Clock): Clock {
  return clock.kind === 'elapsed' ? clock : { ...clock, datesIn: clock.timeZone };
}

function jsTypeOf({ type }: Attribute): Read['jsType'] {
  if (type === 'list' || type === 'object') return undefined;
  return type === 'number' || type === 'boolean' ? type : 'string';
}

/** A value read and a constant, in either order. */
function readPair(
  args: Args,
  type: ObjectType,
): { read: Read; constant: Scalar | null } | undefined {
  const [left, right] = args;
  if (args.length !== 2) return undefined;
  const [read, constant] = isConstant(left)
    ? [readView(right, type), left]
    : [readView(left, type), right];
  return read && isConstant(constant) ? { read, constant } : undefined;
}

function isConstant(value: unknown): value is Scalar | null {
  return value === null || isScalar(value);
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/**
 * Whether the constant has the JS type of the attribute's values, so that JavaScript converts
 * neither.
 */
function fits(constant: Scalar, { view, jsType }: Read): boolean {
  return typeof constant === jsType && isFoldedLike(constant, view);
}

/**
 * A lower-cased value is compared with lower-cased constants only; an atom of a folded view has no
 * others.
 */
function isFoldedLike(constant: Scalar, { folded }: AttributeView): boolean {
  return !folded || fold(constant) === constant;
}

// ——— Making atoms ———

function equals(view: AttributeView, values: readonly Scalar[]): Predicate {
  return values.length === 0
    ? NEVER
    : { kind: 'equals', view, values: [...new Set(values.map(plusZero))] };
}

function equalsRead(read: Read, values: readonly Scalar[]): Predicate {
  if (!read.clock) return equals(read.view, values);
  return or(
    values.map((value) =>
      rangeRead(read, { ...AT_POINT, low: plusZero(value), high: plusZero(value) }),
    ),
  );
}

const AT_POINT = { lowInclusive: true, highInclusive: true };

function rangeRead({ view, clock }: Read, interval: Interval): Predicate {
  if (!clock) return range(view, interval);
  const whole = wholeInterval(interval);
  return isEmptyInterval(whole)
    ? NEVER
    : { kind: 'age', attribute: view.attribute, clock, intervals: [whole] };
}

/** Bounds in the wrong order leave nothing. */
function range(view: AttributeView, interval: Interval): Predicate {
  const { low, high, lowInclusive } = interval;
  if (low !== null && high !== null && (low > high || (low === high && !lowInclusive)))
    return NEVER;
  return { kind: 'range', view, intervals: [interval] };
}

function present({ attribute }: AttributeView): Predicate {
  return { kind: 'present', attribute };
}

function nonEmpty(view: AttributeView): Predicate {
  return and([present(view), not(equals(view, ['']))]);
}

/** -0 becomes 0, as in records. */
function plusZero(value: Scalar): Scalar {
  return value === 0 ? 0 : value;
}
