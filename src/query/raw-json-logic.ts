/**
 * raw-json-logic.ts – Reads a query that is given as JsonLogic: checks it strictly, then finds the atoms in it.
 *
 * Keeps true: what is made of a rule is truthy exactly when json-logic-js says so of the record's document, with its own
 * treatment of missing values (`null < 10` is true). A part becomes an index's atom only where that is exact; everything else
 * stays a `program`, which is always right and only slower. Whatever json-logic.ts writes is read back as what it was.
 */
import type { Attribute, ObjectType } from '../change/object-type.ts';
import { pointer } from '../errors.ts';
import { fold } from './atom.ts';
import type { Meaning } from './json-logic.ts';
import { compileProgram, isLogic, PROGRAM_OPERATIONS, programReads, truthy } from './json-logic-program.ts';
import {
  ALWAYS,
  type AttributeView,
  and,
  type Interval,
  NEVER,
  not,
  or,
  type Predicate,
  type Scalar,
} from './predicate.ts';
import {
  DEPTH_MAX,
  fault,
  isRelationship,
  NODES_MAX,
  ownAttribute,
  quote,
  RELATIONSHIPS_LATER,
  type Reading,
  TOO_DEEP,
  TOO_MANY,
} from './scope.ts';

/** Reads a rule, or notes why it can't be taken. It is its own JsonLogic. */
export function readJsonLogic(rule: unknown, path: string, reading: Reading): Meaning | undefined {
  const faultsBefore = reading.faults.length;
  const { nodes, depth } = measure(rule);
  if (depth > DEPTH_MAX) return fault(reading, path, TOO_DEEP);
  if (nodes > NODES_MAX) return fault(reading, path, TOO_MANY);
  check(rule, { path, place: 'document', reading });
  if (reading.faults.length > faultsBefore) return undefined;
  return { predicate: truthOf(rule, reading.scope.type), jsonLogic: rule };
}

type Args = readonly unknown[];

/** The name and the arguments of an operation; one argument may stand without its list. */
function operationOf(rule: Readonly<Record<string, unknown>>): [name: string, args: Args] {
  const [name = ''] = Object.keys(rule);
  const given = rule[name];
  return [name, Array.isArray(given) ? given : [given]];
}

// ——— Size ———

interface Size {
  readonly nodes: number;
  readonly depth: number;
}

const NO_SIZE: Size = { nodes: 0, depth: 0 };

/** Counts like a rule group does: what one rule is written as counts as one, so that what we return is not too large. */
function measure(rule: unknown): Size {
  if (Array.isArray(rule)) return total(rule);
  if (!isLogic(rule)) return NO_SIZE;
  const [name, args] = operationOf(rule);
  const inner = total(args);
  if (isTransparent(name, args)) return inner;
  if (isMembershipList(name, args)) return { nodes: 1, depth: 0 };
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

/** What is no group and no condition of its own: reading a value, `not`, and the guard against a missing value. */
function isTransparent(name: string, args: Args): boolean {
  if (name === 'var' || name === 'toLowerCase' || name === '!') return true;
  return isGuard(name, args) || (name === 'and' && args.some((arg) => isLogic(arg) && isGuard(...operationOf(arg))));
}

function isGuard(name: string, args: Args): boolean {
  return name === '!=' && args.length === 2 && args[1] === null;
}

/** `containsAny` and `containsAll` are one rule each, whatever the number of values. */
function isMembershipList(name: string, args: Args): boolean {
  return (name === 'or' || name === 'and') && args.length > 0 && args.every(isMembership);
}

function isMembership(rule: unknown): boolean {
  if (!isLogic(rule)) return false;
  const [name, args] = operationOf(rule);
  return name === 'in' && args.length === 2 && isScalar(args[0]) && isLogic(args[1]);
}

// ——— Checking ———

/** Where a rule stands: at the document, or inside of `map`, `some`, …, where it sees one item and nothing else. */
interface Place {
  readonly path: string;
  readonly place: 'document' | 'item';
  readonly reading: Reading;
}

const REFUSED_OPERATIONS = new Set(['log', 'method']);
const OVER_ITEMS = new Set(['map', 'filter', 'reduce', 'all', 'some', 'none']);

function check(rule: unknown, at: Place): void {
  if (Array.isArray(rule)) {
    for (const [index, item] of rule.entries()) check(item, stepInto(at, index));
  } else if (typeof rule === 'object' && rule !== null) {
    checkObject(rule as Readonly<Record<string, unknown>>, at);
  } else if (typeof rule === 'number' && !Number.isFinite(rule)) {
    fault(at.reading, at.path, 'the number is too large');
  }
}

function checkObject(rule: Readonly<Record<string, unknown>>, at: Place): void {
  const keys = Object.keys(rule);
  const [name] = keys;
  if (name === undefined || keys.length > 1) {
    const found = name === undefined ? 'none' : keys.map((key) => `'${key}'`).join(', ');
    fault(at.reading, at.path, `JsonLogic has one operation at each level; here are ${found}`);
  } else if (REFUSED_OPERATIONS.has(name) || !PROGRAM_OPERATIONS.has(name)) {
    const why = REFUSED_OPERATIONS.has(name)
      ? `the operation '${name}' is not allowed`
      : `there is no operation '${name}'`;
    fault(at.reading, pointer(at.path, name), why);
  } else {
    checkOperation(name, operationOf(rule)[1], Array.isArray(rule[name]), stepInto(at, name));
  }
}

function checkOperation(name: string, args: Args, isList: boolean, at: Place): void {
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
      return;
    case '*':
      if (args.length === 0) fault(at.reading, at.path, `'*' takes at least one argument`);
      break;
    case 'reduce':
      if (canExplode(args[1])) fault(at.reading, argAt(1).path, EXPLODES);
      break;
    default:
  }
  for (const [index, arg] of args.entries()) {
    check(arg, OVER_ITEMS.has(name) && index === 1 ? { ...argAt(index), place: 'item' } : argAt(index));
  }
}

const EXPLODES = `what 'reduce' repeats may compute with its accumulator, but not put it together or loop over it ('merge', 'cat', 'in', 'map', 'filter', …): its work would grow with each item`;
const GROWING = new Set(['merge', 'cat', 'in', 'substr', ...OVER_ITEMS]);

/** Put together with itself at each item, or looped over, an accumulator takes minutes over a list that fits into one record. */
function canExplode(body: unknown, isGrowing = false): boolean {
  if (Array.isArray(body)) return body.some((part) => canExplode(part, isGrowing));
  if (!isLogic(body)) return false;
  const [name, args] = operationOf(body as Readonly<Record<string, unknown>>);
  if (name === 'var') {
    const [path] = args;
    return isGrowing && /^(?:|null|accumulator(?:\..*)?)$/.test(String(path ?? ''));
  }
  return args.some((arg) => canExplode(arg, isGrowing || GROWING.has(name)));
}

function stepInto(at: Place, step: string | number): Place {
  return { ...at, path: pointer(at.path, step) };
}

function checkVar(args: Args, at: Place, argAt: (index: number) => Place): void {
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
function checkKeys(keys: unknown, at: Place): void {
  if (!Array.isArray(keys)) {
    fault(at.reading, at.path, 'the keys are a list of texts');
    return;
  }
  for (const key of keys) {
    if (typeof key === 'string') checkPath(key, at);
    else fault(at.reading, at.path, `the keys are texts, not ${quote(key)}`);
  }
}

function checkPath(path: unknown, at: Place): void {
  const steps = String(path).split('.');
  const inherited = steps.find((step) => step in Object.prototype);
  // A value of JSON inherits these, so that json-logic-js finds something there.
  if (inherited !== undefined) fault(at.reading, at.path, `'${inherited}' can't be part of a path`);
  else if (at.place === 'document') checkDocumentPath(steps, at);
}

/** The document has the declared attributes; inside of an object anything may be, of a list its items and its length. */
function checkDocumentPath([first = '', ...deeper]: readonly string[], { path, reading }: Place): void {
  if (first === '') {
    fault(reading, path, 'the record as a whole can not be read, only its attributes');
    return;
  }
  if (isRelationship(reading.scope, first)) {
    fault(reading, path, `'${first}' is a relationship of ${reading.scope.type.name}: ${RELATIONSHIPS_LATER}`);
    return;
  }
  const attribute = ownAttribute(reading, first, path);
  if (attribute && !leadsInto(attribute, deeper)) {
    fault(reading, path, `'${deeper.join('.')}' is no part of '${first}'`);
  }
}

function leadsInto({ type }: Attribute, [step, ...deeper]: readonly string[]): boolean {
  if (step === undefined || type === 'object') return true;
  return type === 'list' && deeper.length === 0 && (step === 'length' || /^\d+$/.test(step));
}

// ——— Truth ———

/** What an operation's truth is as a predicate, or undefined where only running it says. */
type Structure = (args: Args, type: ObjectType) => Predicate | undefined;

const STRUCTURES: ReadonlyMap<string, Structure> = new Map<string, Structure>([
  ['and', conjunctionOf],
  ['or', (args, type) => or(args.map((arg) => truthOf(arg, type)))],
  ['!', ([arg, ...more], type) => (more.length === 0 ? not(truthOf(arg, type)) : undefined)],
  ['!!', ([arg, ...more], type) => (more.length === 0 ? truthOf(arg, type) : undefined)],
  ['if', choiceOf],
  ['?:', choiceOf],
  ['var', truthOfValue],
  ['==', equalityOf],
  ['===', equalityOf],
  ['!=', inequalityOf],
  ['!==', inequalityOf],
  ['<', (args, type) => orderOf('<', args, type)],
  ['<=', (args, type) => orderOf('<=', args, type)],
  ['>', (args, type) => (args.length === 2 ? orderOf('<', [...args].reverse(), type) : undefined)],
  ['>=', (args, type) => (args.length === 2 ? orderOf('<=', [...args].reverse(), type) : undefined)],
  ['in', containmentOf],
  ['startsWith', (args, type) => textOf('prefix', args, type)],
  ['endsWith', (args, type) => textOf('suffix', args, type)],
]);

function truthOf(rule: unknown, type: ObjectType): Predicate {
  if (!isLogic(rule)) return truthy(rule) ? ALWAYS : NEVER;
  const [name, args] = operationOf(rule);
  return STRUCTURES.get(name)?.(args, type) ?? programOf(rule);
}

/** A part that stays a program; one that reads nothing is decided here. */
function programOf(rule: unknown): Predicate {
  const attributes = [...new Set(programReads(rule).paths.map((path) => path.split('.')[0]!))].sort();
  if (attributes.length > 0) return { kind: 'program', rule, attributes };
  return truthy(compileProgram(rule)({})) ? ALWAYS : NEVER;
}

/** JsonLogic's `and` of nothing is falsy. */
function conjunctionOf(args: Args, type: ObjectType): Predicate {
  if (args.length === 0) return NEVER;
  return guardedComparison(args, type) ?? and(args.map((arg) => truthOf(arg, type)));
}

/** `if a then b else c` is (a and b) or (not a and c). A condition is written twice, so one with choices stays a program. */
function choiceOf(args: Args, type: ObjectType): Predicate | undefined {
  const [condition, result, ...more] = args;
  if (args.length < 2) return args.length === 0 ? NEVER : truthOf(condition, type);
  if (hasChoice(condition)) return undefined;
  const holds = truthOf(condition, type);
  const otherwise = choiceOf(more, type);
  return otherwise && or([and([holds, truthOf(result, type)]), and([not(holds), otherwise])]);
}

function hasChoice(rule: unknown): boolean {
  if (Array.isArray(rule)) return rule.some(hasChoice);
  if (!isLogic(rule)) return false;
  const [name, args] = operationOf(rule);
  return name === 'if' || name === '?:' || args.some(hasChoice);
}

/** A value by itself holds unless it is missing, "", 0, false or an empty list. */
function truthOfValue(args: Args, type: ObjectType): Predicate | undefined {
  const read = readView({ var: args }, type);
  if (!read) return undefined;
  switch (read.attribute.type) {
    case 'boolean':
      return equals(read.view, [true]);
    case 'string':
      return and([present(read.view), not(equals(read.view, ['']))]);
    case 'number':
      return and([present(read.view), not(equals(read.view, [0]))]);
    case 'list':
      return undefined;
    default:
      return present(read.view);
  }
}

function equalityOf(args: Args, type: ObjectType): Predicate | undefined {
  const pair = readPair(args, type);
  if (!pair) return undefined;
  if (pair.constant === null) return not(present(pair.read.view));
  return fits(pair.constant, pair.read) ? equals(pair.read.view, [pair.constant]) : undefined;
}

function inequalityOf(args: Args, type: ObjectType): Predicate | undefined {
  const equal = equalityOf(args, type);
  return equal && not(equal);
}

/** Constants below or above a value; with three arguments both. A missing value is null, and `null < 10` is true in JavaScript. */
function orderOf(order: '<' | '<=', args: Args, type: ObjectType): Predicate | undefined {
  const at = args.length === 3 || !readView(args[0], type) ? 1 : 0;
  const read = readView(args[at], type);
  const bounds = args.toSpliced(at, 1);
  if (!read || read.jsType === 'boolean' || args.length < 2 || args.length > 3) return undefined;
  if (!bounds.every((bound) => isScalar(bound) && fits(bound, read))) return undefined;
  const [low, high] = [bound(args[at - 1]), bound(args[at + 1])];
  const inclusive = order === '<=';
  const inside = range(read.view, {
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
function containmentOf(args: Args, type: ObjectType): Predicate | undefined {
  const [needle, place] = args;
  if (args.length !== 2) return undefined;
  if (Array.isArray(place)) {
    const read = readView(needle, type);
    return read && place.every((value) => isScalar(value) && fits(value, read)) ? equals(read.view, place) : undefined;
  }
  const read = readView(place, type);
  if (!read || !isScalar(needle) || !isFoldedLike(needle, read.view)) return undefined;
  if (read.attribute.type === 'list') return { kind: 'member', view: read.view, value: plusZero(needle) };
  if (read.jsType !== 'string' || typeof needle !== 'string') return undefined;
  // An empty text contains nothing at all, not even "".
  if (needle === '') return and([present(read.view), not(equals(read.view, ['']))]);
  return { kind: 'substring', view: read.view, needle };
}

function textOf(kind: 'prefix' | 'suffix', args: Args, type: ObjectType): Predicate | undefined {
  const [value, needle] = args;
  const read = readView(value, type);
  if (args.length !== 2 || read?.jsType !== 'string' || typeof needle !== 'string') return undefined;
  if (!isFoldedLike(needle, read.view)) return undefined;
  return needle === '' ? present(read.view) : { kind, view: read.view, needle };
}

const COMPARISONS: ReadonlyMap<string, '=' | '<' | '<='> = new Map([
  ['===', '='],
  ['<', '<'],
  ['<=', '<='],
] as const);

/** Two attributes with values, compared: `{"and": [{"!=": [a, null]}, {"!=": [b, null]}, {"<": [a, b]}]}`. */
function guardedComparison(args: Args, type: ObjectType): Predicate | undefined {
  const [leftGuard, rightGuard, comparison] = args;
  if (args.length !== 3 || !isLogic(comparison)) return undefined;
  const [name, sides] = operationOf(comparison);
  const order = COMPARISONS.get(name);
  const [left, right] = [readView(sides[0], type), readView(sides[1], type)];
  if (!order || !left?.jsType || left.jsType !== right?.jsType || sides.length !== 2) return undefined;
  if (left.jsType === 'boolean' && order !== '=') return undefined;
  if (!guards(leftGuard, left.view, type) || !guards(rightGuard, right.view, type)) return undefined;
  return { kind: 'compare', left: left.view, order, right: right.view };
}

function guards(rule: unknown, { attribute }: AttributeView, type: ObjectType): boolean {
  if (!isLogic(rule)) return false;
  const [name, args] = operationOf(rule);
  return isGuard(name, args) && readView(args[0], type)?.view.attribute === attribute;
}

// ——— Reading values ———

/** A value that is read from the record, and its JS type if it is a scalar. */
interface Read {
  readonly view: AttributeView;
  readonly attribute: Attribute;
  readonly jsType: 'string' | 'number' | 'boolean' | undefined;
}

/** `{"var": "name"}` without a default, or `toLowerCase` of that where there are strings to fold. */
function readView(rule: unknown, type: ObjectType): Read | undefined {
  if (!isLogic(rule)) return undefined;
  const [name, args] = operationOf(rule);
  const [arg] = args;
  if (args.length !== 1) return undefined;
  if (name === 'toLowerCase') {
    const read = readView(arg, type);
    const hasCase = read?.attribute.type === 'string' || read?.attribute.of === 'string';
    return read && hasCase ? { ...read, view: { ...read.view, folded: true } } : undefined;
  }
  const attribute = name === 'var' && typeof arg === 'string' ? type.attributes.get(arg) : undefined;
  return attribute && { view: { attribute: String(arg), folded: false }, attribute, jsType: jsTypeOf(attribute) };
}

function jsTypeOf({ type }: Attribute): Read['jsType'] {
  if (type === 'list' || type === 'object') return undefined;
  return type === 'number' || type === 'boolean' ? type : 'string';
}

/** A value read and a constant, in either order. */
function readPair(args: Args, type: ObjectType): { read: Read; constant: Scalar | null } | undefined {
  const [left, right] = args;
  if (args.length !== 2) return undefined;
  const [read, constant] = isConstant(left) ? [readView(right, type), left] : [readView(left, type), right];
  return read && isConstant(constant) ? { read, constant } : undefined;
}

function isConstant(value: unknown): value is Scalar | null {
  return value === null || isScalar(value);
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/** Whether the constant has the JS type of the attribute's values, so that JavaScript converts neither. */
function fits(constant: Scalar, { view, jsType }: Read): boolean {
  return typeof constant === jsType && isFoldedLike(constant, view);
}

/** A lower-cased value is compared with lower-cased constants only; an atom of a folded view has no others. */
function isFoldedLike(constant: Scalar, { folded }: AttributeView): boolean {
  return !folded || fold(constant) === constant;
}

// ——— Making atoms ———

function equals(view: AttributeView, values: readonly Scalar[]): Predicate {
  return values.length === 0 ? NEVER : { kind: 'equals', view, values: [...new Set(values.map(plusZero))] };
}

/** Bounds in the wrong order leave nothing. */
function range(view: AttributeView, interval: Interval): Predicate {
  const { low, high, lowInclusive } = interval;
  if (low !== null && high !== null && (low > high || (low === high && !lowInclusive))) return NEVER;
  return { kind: 'range', view, intervals: [interval] };
}

function present({ attribute }: AttributeView): Predicate {
  return { kind: 'present', attribute };
}

/** -0 becomes 0, as in records. */
function plusZero(value: Scalar): Scalar {
  return value === 0 ? 0 : value;
}
