/**
 * check.ts – Refuses what is no rule of JsonLogic, or reads what a record does not have.
 *
 * Keeps true: every fault has the JSON pointer of the operation or the argument that it is about. A
 * rule that passes has known operations, and paths that the document of its type has.
 */
import type { Attribute, ObjectType } from '../../../change/object-type.ts';
import { pointer } from '../../../errors.ts';
import { isLogic, operationOf, PROGRAM_OPERATIONS } from '../../json-logic/json-logic-program.ts';
import { OPERATIONS } from '../../json-logic/operations.ts';
import { hopNamed } from '../../predicate/relationships.ts';
import { CLOCK_FORMS, isClockOperation, readClock } from '../../time/clocks.ts';
import {
  admitOperations,
  costly,
  DEPTH_MAX,
  describeHop,
  fault,
  ownAttribute,
  quote,
  type Reading,
  readingOf,
  TOO_FAR,
  typeAt,
} from '../scope.ts';
import { elementsOf, type Items, refuseLiterals } from './literals.ts';
import { listType } from './measured.ts';
import { type Args, OVER_ITEMS } from './shapes.ts';

/** Where each operation stands in what was sent. */
export type Pointers = Map<object, string>;

/** A rewritten operation keeps the pointer of the original. */
export function copyPointer(pointers: Pointers, from: object, to: object): void {
  const path = pointers.get(from);
  if (path !== undefined) pointers.set(to, path);
}

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

/** Notes each fault of the rule, at the pointer where it stands. */
export function check(rule: unknown, at: QueryPosition): void {
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
 * Lists can have a hundred thousand scalars that can't be at fault: no pointer is written for
 * those.
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
    case 'reduce':
      if (canExplode(args[1])) costly(at.reading, argAt(1).path, EXPLODES);
      break;
    default:
  }
  admitArguments(name, args, at, argAt);
  if (at.place !== 'item') refuseLiterals(name, args, at.place, pathsBelow(argAt), at.reading);
  for (const [index, arg] of args.entries()) {
    if (isSound(arg)) continue;
    const isOfItems = OVER_ITEMS.has(name) && index === 1;
    check(arg, isOfItems ? { ...argAt(index), place: itemPlace(name, args[0], at) } : argAt(index));
  }
}

/** Notes why an operation of ours is not taken with these arguments, or counts what it takes. */
function admitArguments(
  name: string,
  args: Args,
  at: QueryPosition,
  argAt: (index: number) => QueryPosition,
): void {
  const admit = OPERATIONS.get(name)?.admit;
  if (!admit || admit === 'anything') return;
  const admitted = admit(args, at.reading.costs.length === 0);
  if (typeof admitted === 'number') {
    admitOperations(at.reading, at.path, admitted);
    return;
  }
  const path = admitted.at === undefined ? at.path : argAt(admitted.at).path;
  (admitted.costs ? costly : fault)(at.reading, path, admitted.why);
}

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

const CLOCKS = `time is asked for by ${CLOCK_FORMS}, where now is { "now": [] }`;

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

const EXPLODES =
  `what 'reduce' repeats may compute with its accumulator, but not put it together or loop ` +
  `over it (in a list, 'merge', 'cat', 'in', 'map', 'filter', …): its work would grow with ` +
  `each item`;

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
