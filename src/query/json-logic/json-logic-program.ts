/**
 * json-logic-program.ts – Compiles a JsonLogic rule into closures once, to be run over many
 * documents.
 *
 * Keeps true: a program answers what json-logic-js 2.0.5 answers, value for value, and throws where
 * that throws. One deliberate difference: a path reads own properties only (`length` is one of
 * lists and strings), so that `constructor` and `__proto__` are missing, as any undeclared name. A
 * program keeps no state, changes neither rule nor document, and `log` prints nothing.
 *
 * An operator is one row of `OPERATORS`: how its program is built, and what it reads (which is how
 * `programReads` and constant folding know it).
 *
 * A run pays for what it does (budget.ts). The weight of an operator is its own cost: the loop
 * around it pays that for each item, and the caller that starts a program pays it once. So an
 * operator outside of loops pays only for large values.
 */

import { unreachable } from '../../errors.ts';
import {
  OPERATIONS_FREE,
  spend,
  spendBytes,
  spendItems,
  spendOn,
  TEXT_FREE,
  within,
} from '../budget.ts';
import { includesText } from '../network/text-search.ts';
import { type AddedOperation, OPERATIONS } from './operations.ts';

export type Program = (data: unknown) => unknown;

/**
 * Turns a rule into closures. An unknown operation throws when it is run, not here: json-logic-js
 * may never reach it.
 */
export function compileProgram(rule: unknown): Program {
  const code = compile(rule);
  const [run, { weight }] = [programOf(code), code];
  return (data) => {
    spend(weight);
    return run(data);
  };
}

/** JsonLogic's truth: JavaScript's, but that an empty list is false. */
export function truthy(value: unknown): boolean {
  return value === true || (Boolean(value) && !(Array.isArray(value) && value.length === 0));
}

/**
 * Whether the value is an operation: an object with exactly one key. Any other object stands for
 * itself.
 */
export function isLogic(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.keys(value).length === 1
  );
}

// ——— Compiling ———

/**
 * A rule after compiling: a value known already, or what to run. `weight`: what a run costs without
 * its loops.
 */
type Code = { readonly weight: number } & (
  | { readonly constant: true; readonly value: unknown }
  | { readonly constant: false; readonly run: Program }
);

/** Makes the program of one operation from its compiled arguments. */
type Build = (args: readonly Code[]) => Program;

function compile(rule: unknown): Code {
  if (Array.isArray(rule)) return compileList(rule.map(compile));
  if (!isLogic(rule)) return constant(rule);
  const [name, given] = operationOf(rule);
  const args = given.map(compile);
  const operator = OPERATORS.get(name);
  if (operator === undefined) return computed(unrecognized(name, args), weightOf(args));
  const run = operator.build(args);
  const weight =
    weightOf(operator.reads === 'items' ? args.toSpliced(1, 1) : args) +
    stepsOf(operator.reads, args);
  return operator.reads === 'arguments' && args.every((arg) => arg.constant)
    ? folded(run, weight)
    : computed(run, weight);
}

/** The steps of the paths that an operator follows. */
function stepsOf(reads: Reads, args: readonly Code[]): number {
  if (reads === 'arguments' || reads === 'items') return 0;
  const keys = args.flatMap((arg) => (arg.constant ? [arg.value].flat() : []));
  return keys.reduce(
    (steps: number, key) => steps + (isScalar(key) ? String(key).split('.').length : 1),
    0,
  );
}

function weightOf(args: readonly Code[]): number {
  let weight = 1;
  for (const arg of args) weight += arg.weight;
  return weight;
}

/** The name and the arguments of an operation; one argument may stand without its list. */
export function operationOf(
  rule: Readonly<Record<string, unknown>>,
): [name: string, args: readonly unknown[]] {
  const name = Object.keys(rule)[0]!;
  const given = rule[name];
  return [name, Array.isArray(given) ? given : [given]];
}

function compileList(items: readonly Code[]): Code {
  const programs = items.map(programOf);
  const run: Program = (data) => {
    spendItems(programs.length);
    return evaluate(programs, data);
  };
  return items.every((item) => item.constant) ? folded(run, 0) : computed(run, weightOf(items));
}

function constant(value: unknown): Code {
  return { constant: true, value, weight: 0 };
}

function computed(run: Program, weight: number): Code {
  return { constant: false, run, weight };
}

/** Runs now what reads no data, within a budget. What throws must throw at every run instead. */
function folded(run: Program, weight: number): Code {
  try {
    return constant(within(OPERATIONS_FREE, run, undefined));
  } catch {
    return computed(run, weight);
  }
}

/**
 * json-logic-js makes a new list at each evaluation, and `===` tells them apart: only the holder of
 * the `Code` may share its value.
 */
function programOf(code: Code): Program {
  if (!code.constant) return code.run;
  const { value } = code;
  return Array.isArray(value) ? () => copied(value) : () => value;
}

function copied(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  spendItems(value.length);
  return value.map(copied);
}

function evaluate(programs: readonly Program[], data: unknown): unknown[] {
  const values = new Array<unknown>(programs.length);
  for (let i = 0; i < programs.length; i++) values[i] = programs[i]!(data);
  return values;
}

/**
 * Unlike json-logic-js, a dotted name finds nothing inside of our functions
 * (`cat.prototype.constructor` there is `cat`).
 */
function unrecognized(name: string, args: readonly Code[]): Program {
  const programs = args.map(programOf);
  return (data) => {
    evaluate(programs, data);
    throw new Error(`Unrecognized operation ${name}`);
  };
}

const UNDEFINED = constant(undefined);

/** The program of an argument that may not have been given. */
function argument(args: readonly Code[], index: number): Program {
  return programOf(args[index] ?? UNDEFINED);
}

// ——— Operators that only look at the values of their arguments ———

/**
 * An operator with named arguments: one that was not given equals an undefined one, further ones
 * are evaluated and dropped. Owed by `apply`: it is pure, and does not give back its second
 * argument (a constant one is shared between runs).
 */
function fixed(apply: (...args: [unknown, unknown, unknown]) => unknown): Build {
  return (args) => {
    const [first, second] = [argument(args, 0), argument(args, 1)];
    if (args.length <= 1) return (data) => apply(first(data), undefined, undefined);
    if (args.length > 2) return spread((values) => apply(values[0], values[1], values[2]))(args);
    if (!args[1]!.constant) return (data) => apply(first(data), second(data), undefined);
    const { value } = args[1]!;
    return (data) => apply(first(data), value, undefined);
  };
}

/** An operator over any number of arguments. */
function spread(apply: (values: readonly unknown[]) => unknown): Build {
  return (args) => {
    const programs = args.map(programOf);
    return (data) => apply(evaluate(programs, data));
  };
}

/** The same, with a way for exactly two that needs no list. `pair(a, b)` equals `apply([a, b])`. */
function spreadOrPair(
  apply: (values: readonly unknown[]) => unknown,
  pair: (a: unknown, b: unknown) => unknown,
): Build {
  const general = spread(apply);
  return (args) => {
    if (args.length !== 2) return general(args);
    const [first, second] = [argument(args, 0), argument(args, 1)];
    return (data) => pair(first(data), second(data));
  };
}

/** Pays for what JavaScript may have to turn into text or numbers to compare it. */
function spendOnBoth(a: unknown, b: unknown): void {
  spendOn(a);
  spendOn(b);
}

/**
 * Two objects are compared by identity, and nothing equals null but itself: only then is nothing
 * converted.
 */
function looselyEqual(a: unknown, b: unknown): boolean {
  const isByIdentity = a === null || b === null || (typeof a === 'object' && typeof b === 'object');
  if (!isByIdentity) spendOnBoth(a, b);
  // biome-ignore lint/suspicious/noDoubleEquals: JsonLogic's == converts
  return a == b;
}

function strictlyEqual(a: unknown, b: unknown): boolean {
  if (typeof a === 'string' && typeof b === 'string' && a.length === b.length) spendOn(a);
  return a === b;
}

function less(a: unknown, b: unknown, c: unknown): boolean {
  spendOnBoth(a, b);
  spendOn(c);
  const [low, middle, high] = [a as number, b as number, c as number];
  return c === undefined ? low < middle : low < middle && middle < high;
}

function lessOrEqual(a: unknown, b: unknown, c: unknown): boolean {
  spendOnBoth(a, b);
  spendOn(c);
  const [low, middle, high] = [a as number, b as number, c as number];
  return c === undefined ? low <= middle : low <= middle && middle <= high;
}

/** An operation on two values as numbers. */
function numeric(apply: (a: number, b: number) => unknown): (a: unknown, b: unknown) => unknown {
  return (a, b) => {
    spendOnBoth(a, b);
    return apply(a as number, b as number);
  };
}

function minus(a: unknown, b: unknown): number {
  spendOnBoth(a, b);
  return b === undefined ? -(a as number) : (a as number) - (b as number);
}

/**
 * `parseFloat`, without the way through a string for numbers. The 0 makes −0 a 0, as that way does.
 */
function parsed(value: unknown): number {
  if (typeof value === 'number') return value + 0;
  spendOn(value);
  return Number.parseFloat(value as string);
}

function sum(values: readonly unknown[]): number {
  let total = 0;
  for (const value of values) total += parsed(value);
  return total;
}

/** Of one value that value itself, whatever it is; of none an exception. */
function product(values: readonly unknown[]): unknown {
  return values.reduce((a, b) => parsed(a) * parsed(b));
}

function text(value: unknown): string {
  if (typeof value === 'string' && value.length < TEXT_FREE) return value;
  if (value === null || value === undefined) return '';
  spendOn(value);
  return String(value);
}

function joined(values: readonly unknown[]): string {
  spendOn(values);
  return values.join('');
}

function extreme(choose: (...values: number[]) => number): (values: readonly unknown[]) => number {
  return (values) => {
    for (const value of values) spendOn(value);
    if (values.length <= SPREAD_MAX) return choose(...(values as number[]));
    return (values as number[]).reduce((a, b) => choose(a, b));
  };
}

/** A negative `length` leaves that many characters out at the end. */
function substring(source: unknown, start: unknown, length: unknown): string {
  if (typeof source !== 'string') spendOn(source); // a part of a text is no copy
  spendOnBoth(start, length);
  const rest = String(source).substr(
    start as number,
    (length as number) < 0 ? undefined : (length as number),
  );
  // `rest.length + length` may join strings: `"-1"` is then no number, and nothing is left, as in
  // json-logic-js
  return (length as number) < 0 ? rest.substr(0, rest.length + (length as number)) : rest;
}

/** Strict in lists; in strings the text of the value, so that a missing one is found in "null". */
function isIn(value: unknown, place: unknown): boolean {
  if (!place || typeof (place as string).indexOf === 'undefined') return false;
  spendOnSearch(value, place);
  if (typeof place === 'string') return includesText(place, String(value));
  return (place as string).indexOf(value as string) !== -1;
}

/**
 * Items are compared one by one, each as far as it could be equal; a text is looked through for a
 * text.
 */
function spendOnSearch(value: unknown, place: unknown): void {
  if (Array.isArray(place)) {
    spend(place.length);
    if (typeof value === 'string' && value.length > TEXT_FREE)
      spendBytes(place.length * value.length);
  } else if (typeof place === 'string') {
    spend(OPERATIONS_A_CHARACTER * place.length);
    spendOn(value);
  }
}

/**
 * Measured: at worst (`aaaaaaaab` in `aaaa…`) a character that is searched takes 10 to 30 ns,
 * mostly 1.
 */
const OPERATIONS_A_CHARACTER = 3;

// From about 8 on a hash beats a walk.
const LIST_WALKED_MAX = 8;

function buildIn(args: readonly Code[]): Program {
  const [value, place] = [argument(args, 0), args[1]];
  if (args.length !== 2 || !place?.constant || !Array.isArray(place.value))
    return fixed(isIn)(args);
  if (place.value.length <= LIST_WALKED_MAX) return fixed(isIn)(args);
  // unlike a walk, a set would find NaN
  const values = new Set(place.value.filter((item) => !Number.isNaN(item)));
  return (data) => {
    const found = value(data);
    if (typeof found === 'string') spendOn(found);
    return values.has(found);
  };
}

// ——— Operators that decide which arguments to evaluate ———

/** Pairs of condition and result, then perhaps what holds otherwise. */
function buildIf(args: readonly Code[]): Program {
  const programs = args.map(programOf);
  if (programs.length === 3) return choice(programs[0]!, programs[1]!, programs[2]!);
  const pairsEnd = programs.length - (programs.length % 2);
  const otherwise = programs[pairsEnd] ?? (() => null);
  return (data) => {
    for (let i = 0; i < pairsEnd; i += 2)
      if (truthy(programs[i]!(data))) return programs[i + 1]!(data);
    return otherwise(data);
  };
}

function choice(condition: Program, result: Program, otherwise: Program): Program {
  return (data) => (truthy(condition(data)) ? result(data) : otherwise(data));
}

/** The first value whose truth is `stop`, else the last value (of nothing: undefined). */
function firstThatIs(stop: boolean): Build {
  return (args) => {
    const programs = args.map(programOf);
    return (data) => {
      let value: unknown;
      for (let i = 0; i < programs.length; i++) {
        value = programs[i]!(data);
        if (truthy(value) === stop) break;
      }
      return value;
    };
  };
}

// ——— Operators with a scope: the second argument sees nothing but an item ———

/** The program that a loop runs for each item, and its price. */
interface Body {
  readonly run: Program;
  readonly weight: number;
}

function bodyOf(args: readonly Code[]): Body {
  return { run: argument(args, 1), weight: 1 + (args[1]?.weight ?? 0) };
}

/** Whatever is no list counts as an empty one. */
function overItems(apply: (items: readonly unknown[], each: Body) => unknown): Build {
  return (args) => {
    const [items, each] = [argument(args, 0), bodyOf(args)];
    return (data) => apply(listOrNone(items(data)), each);
  };
}

function listOrNone(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function mapped(items: readonly unknown[], { run, weight }: Body): unknown[] {
  spendItems(items.length);
  const values = new Array<unknown>(items.length);
  for (let i = 0; i < items.length; i++) {
    spend(weight);
    values[i] = run(items[i]);
  }
  return values;
}

function filtered(items: readonly unknown[], { run, weight }: Body): unknown[] {
  spendItems(items.length);
  return items.filter((item) => {
    spend(weight);
    return truthy(run(item));
  });
}

function some(items: readonly unknown[], { run, weight }: Body): boolean {
  for (let i = 0; i < items.length; i++) {
    spend(weight);
    if (truthy(run(items[i]))) return true;
  }
  return false;
}

/** Of an empty list false. */
function all(items: readonly unknown[], { run, weight }: Body): boolean {
  for (let i = 0; i < items.length; i++) {
    spend(weight);
    if (!truthy(run(items[i]))) return false;
  }
  return items.length > 0;
}

function buildReduce(args: readonly Code[]): Program {
  const [items, { run, weight }] = [argument(args, 0), bodyOf(args)];
  const initial = args[2] === undefined ? () => null : programOf(args[2]);
  return (data) => {
    const list = listOrNone(items(data));
    let accumulator = initial(data);
    for (let i = 0; i < list.length; i++) {
      spend(weight);
      // a new scope per item: the rule may give the scope itself back
      accumulator = run({ current: list[i], accumulator });
    }
    return accumulator;
  };
}

// ——— Operators that read the document ———

// A document is JSON, so a name that none of these has is an own property or missing, and needs no
// `hasOwn` (7 ns of 16 a read).
const PROTOTYPES: readonly object[] = [Object, Array, String, Number, Boolean].map(
  (type) => type.prototype,
);

function isInherited(step: string): boolean {
  return PROTOTYPES.some((prototype) => step in prototype);
}

/** Reads one own property; undefined is missing. */
function reader(step: string): Program {
  return isInherited(step) ? (holder) => own(holder, step) : (holder) => plain(holder, step);
}

function own(holder: unknown, step: string): unknown {
  return holder !== null && holder !== undefined && Object.hasOwn(holder, step)
    ? plain(holder, step)
    : undefined;
}

function plain(holder: unknown, step: string): unknown {
  return holder === null || holder === undefined
    ? undefined
    : (holder as Record<string, unknown>)[step];
}

function isWholeDocument(path: unknown): boolean {
  return path === undefined || path === null || path === '';
}

/**
 * A way that leads on from null, or to undefined, gives the default; a null at its end is a value.
 */
function readPath(path: unknown, otherwise: unknown): Program {
  if (isWholeDocument(path)) return (data) => data;
  const steps = String(path).split('.').map(reader);
  return steps.length === 1
    ? readOne(steps[0]!, otherwise ?? null)
    : readAlong(steps, otherwise ?? null);
}

function readOne(step: Program, otherwise: unknown): Program {
  return (data) => {
    const found = step(data);
    return found === undefined ? otherwise : found;
  };
}

function readAlong(steps: readonly Program[], otherwise: unknown): Program {
  return (data) => {
    let found = data;
    for (let i = 0; i < steps.length; i++) found = steps[i]!(found);
    return found === undefined ? otherwise : found;
  };
}

function buildVar(args: readonly Code[]): Program {
  if (args.every(isConstantScalar)) return readPath(args[0]?.value, args[1]?.value);
  const [path, otherwise] = args;
  if (args.length === 2 && isConstantScalar(path!))
    return readOr(readPath(path.value, MISSING), programOf(otherwise!));
  const programs = args.map(programOf);
  return (data) => {
    const [path, otherwise] = evaluate(programs, data);
    spend(OPERATIONS_A_KEY);
    spendOn(path);
    return readPath(path, otherwise)(data);
  };
}

const MISSING = Symbol('missing');

/**
 * A default that is computed: it is evaluated in any case, as json-logic-js does, since it may
 * throw.
 */
function readOr(read: Program, otherwise: Program): Program {
  return (data) => {
    const value = otherwise(data) ?? null;
    const found = read(data);
    return found === MISSING ? value : found;
  };
}

function isConstantScalar(code: Code): code is Code & { constant: true } {
  return code.constant && isScalar(code.value);
}

function isScalar(value: unknown): boolean {
  return value === null || typeof value !== 'object';
}

function buildMissing(args: readonly Code[]): Program {
  const keys =
    args[0]?.constant && Array.isArray(args[0].value) ? args[0].value.map(constant) : args;
  if (args.every((arg) => arg.constant) && keys.every(isConstantScalar))
    return missing(keys.map((key) => key.value));
  const programs = args.map(programOf);
  return (data) => {
    const values = evaluate(programs, data);
    const found = Array.isArray(values[0]) ? values[0] : values;
    spend(OPERATIONS_A_KEY * found.length);
    return missing(found)(data);
  };
}

/** Measured: a key that is known at run time only is compiled then, in about 1 µs. */
const OPERATIONS_A_KEY = 200;

/**
 * Which of the keys lead to null, to "" or nowhere. A key is evaluated once more, as json-logic-js
 * does: a list has a default.
 */
function missing(keys: readonly unknown[]): Program {
  const reads = keys.map((key) => compileProgram({ var: key }));
  return (data) => {
    spendItems(keys.length);
    return keys.filter((_, i) => isMissing(reads[i]!(data)));
  };
}

function isMissing(value: unknown): boolean {
  return value === null || value === '';
}

/** Nothing if at least so many of the keys are there, else those that are missing. */
function buildMissingSome(args: readonly Code[]): Program {
  const [needed, keys] = [argument(args, 0), args[1] ?? UNDEFINED];
  if (args.length <= 2 && keys.constant) return missingSome(needed, keys.value);
  const programs = args.map(programOf);
  return (data) => {
    const values = evaluate(programs, data);
    if (Array.isArray(values[1])) spend(OPERATIONS_A_KEY * values[1].length);
    return missingSome(() => values[0], values[1])(data);
  };
}

function missingSome(needed: Program, keys: unknown): Program {
  const findMissing = compileProgram({ missing: keys });
  return (data) => {
    const least = needed(data) as number;
    const gone = findMissing(data) as readonly unknown[];
    return (keys as readonly unknown[]).length - gone.length >= least ? [] : gone;
  };
}

// ——— The table ———

/**
 * What an operator reads beside the values of its arguments, and so whether it may be run at
 * compile time.
 */
type Reads =
  | 'arguments' // nothing else
  | 'path' // what its first argument names
  | 'keys' // what its arguments, or the list that is its first one, name
  | 'keys of second' // what its second argument names
  | 'items'; // nothing else, but its second argument is run over the items of the first one

interface CompiledOperator {
  readonly reads: Reads;
  readonly build: Build;
}

function row(reads: Reads, build: Build): CompiledOperator {
  return { reads, build };
}

function simple(apply: (...args: [unknown, unknown, unknown]) => unknown): CompiledOperator {
  return row('arguments', fixed(apply));
}

const OPERATORS: ReadonlyMap<string, CompiledOperator> = new Map([
  ['var', row('path', buildVar)],
  ['missing', row('keys', buildMissing)],
  ['missing_some', row('keys of second', buildMissingSome)],

  ['if', row('arguments', buildIf)],
  ['?:', row('arguments', buildIf)],
  ['and', row('arguments', firstThatIs(false))],
  ['or', row('arguments', firstThatIs(true))],
  ['!', simple((a) => !truthy(a))],
  ['!!', simple(truthy)],

  ['==', simple(looselyEqual)],
  ['!=', simple((a, b) => !looselyEqual(a, b))],
  ['===', simple(strictlyEqual)],
  ['!==', simple((a, b) => !strictlyEqual(a, b))],
  ['<', simple(less)],
  ['<=', simple(lessOrEqual)],
  ['>', simple(numeric((a, b) => a > b))],
  ['>=', simple(numeric((a, b) => a >= b))],

  [
    '+',
    row(
      'arguments',
      spreadOrPair(sum, (a, b) => 0 + parsed(a) + parsed(b)),
    ),
  ],
  [
    '*',
    row(
      'arguments',
      spreadOrPair(product, (a, b) => parsed(a) * parsed(b)),
    ),
  ],
  ['-', simple(minus)],
  ['/', simple(numeric((a, b) => a / b))],
  ['%', simple(numeric((a, b) => a % b))],
  [
    'min',
    row(
      'arguments',
      spreadOrPair(
        extreme(Math.min),
        numeric((a, b) => Math.min(a, b)),
      ),
    ),
  ],
  [
    'max',
    row(
      'arguments',
      spreadOrPair(
        extreme(Math.max),
        numeric((a, b) => Math.max(a, b)),
      ),
    ),
  ],

  ['in', row('arguments', buildIn)],
  [
    'cat',
    row(
      'arguments',
      spreadOrPair(joined, (a, b) => text(a) + text(b)),
    ),
  ],
  ['substr', simple(substring)],
  ['merge', row('arguments', spread(merged))],
  ['log', simple((a) => a)],

  ['map', row('items', overItems(mapped))],
  ['filter', row('items', overItems(filtered))],
  ['reduce', row('items', buildReduce)],
  ['all', row('items', overItems(all))],
  ['some', row('items', overItems(some))],
  [
    'none',
    row(
      'items',
      overItems((items, each) => !some(items, each)),
    ),
  ],

  ...[...OPERATIONS].map(([name, operation]): [string, CompiledOperator] => [
    name,
    row('arguments', buildAdded(operation)),
  ]),
]);

/** An operation of ours. With a constant second argument it is made ready once. */
function buildAdded({ apply, itemPrice }: AddedOperation): Build {
  return (args) => {
    const second = args[1] ?? UNDEFINED;
    if (args.length > 2 || !second.constant) {
      return fixed((a, b) => {
        payFor(a, b, itemPrice);
        return apply(b)(a);
      })(args);
    }
    const first = argument(args, 0);
    const applied = apply(second.value);
    return (data) => {
      const value = first(data);
      payFor(value, second.value, itemPrice);
      return applied(value);
    };
  };
}

/** Our own operations look at a text, or at each item of a list. */
function payFor(first: unknown, second: unknown, itemPrice: number): void {
  if (Array.isArray(first)) spend(itemPrice * first.length);
  else if (typeof first === 'string') spendOn(first);
  if (typeof second === 'string') spendOn(second);
}

/** Arguments that a call may be given at once. */
const SPREAD_MAX = 1000;

/**
 * `concat` copies a list as a block, `flat` item by item (measured: a list of 10,000 gathered by
 * `reduce`, 4.4 s with `flat`).
 */
function merged(values: readonly unknown[]): unknown[] {
  let items = 0;
  for (const value of values) items += Array.isArray(value) ? value.length : 1;
  spendItems(items);
  return values.length <= SPREAD_MAX ? ([] as unknown[]).concat(...values) : values.flat();
}

/** The names that a program understands; any other throws when it is reached. */
export const PROGRAM_OPERATIONS: ReadonlySet<string> = new Set(OPERATORS.keys());

// ——— What a program reads ———

/**
 * The paths that a rule reads of its document. Nothing that it reads is left out; a branch that is
 * never taken counts too.
 */
export interface ProgramReads {
  /**
   * Each constant path, once, in the order of the rule. Paths inside of a `map`, `some`, … are of
   * its items: not counted.
   */
  readonly paths: string[];
  /** Whether the rule takes the document itself as a value: `{"var": ""}`. */
  readonly readsWholeDocument: boolean;
  /** Whether a path, be it of an item, is known at run time only. */
  readonly computed: boolean;
}

export function programReads(rule: unknown): ProgramReads {
  const { paths, whole, computed } = readsWithin(rule, 'document');
  return { paths: [...paths], readsWholeDocument: whole, computed };
}

interface FoundReads {
  readonly paths: ReadonlySet<string>;
  readonly whole: boolean;
  readonly computed: boolean;
}

type ReadScope = 'document' | 'item';

const NO_READS: FoundReads = { paths: new Set(), whole: false, computed: false };

/**
 * What each part reads is asked of it and of every part around it: found out once, so that depth
 * does not multiply it.
 */
const known = {
  document: new WeakMap<object, FoundReads>(),
  item: new WeakMap<object, FoundReads>(),
};

function readsWithin(rule: unknown, scope: ReadScope): FoundReads {
  if (typeof rule !== 'object' || rule === null) return NO_READS;
  let found = known[scope].get(rule);
  if (!found) known[scope].set(rule, (found = findReads(rule, scope)));
  return found;
}

function findReads(rule: object, scope: ReadScope): FoundReads {
  if (Array.isArray(rule))
    return rule.reduce(
      (found: FoundReads, item) => together(found, readsWithin(item, scope)),
      NO_READS,
    );
  if (!isLogic(rule)) return NO_READS;
  const [name, args] = operationOf(rule);
  const reads = OPERATORS.get(name)?.reads ?? 'arguments';
  let found = NO_READS;
  for (const [i, arg] of args.entries()) {
    found = together(found, readsWithin(arg, reads === 'items' && i === 1 ? 'item' : scope));
  }
  return withPaths(found, pathsOf(reads, args), scope);
}

/** Mostly one of the two adds nothing, and then no set is copied. */
function together(a: FoundReads, b: FoundReads): FoundReads {
  if (b === NO_READS || a === b) return a;
  if (a === NO_READS) return b;
  const paths = isWithin(b.paths, a.paths) ? a.paths : new Set([...a.paths, ...b.paths]);
  return { paths, whole: a.whole || b.whole, computed: a.computed || b.computed };
}

function isWithin(some: ReadonlySet<string>, all: ReadonlySet<string>): boolean {
  if (some.size > all.size) return false;
  for (const path of some) if (!all.has(path)) return false;
  return true;
}

function withPaths(found: FoundReads, given: readonly unknown[], scope: ReadScope): FoundReads {
  const named = given.filter(isScalar);
  const computed = found.computed || named.length < given.length;
  if (scope === 'item' || given.length === 0)
    return computed === found.computed ? found : { ...found, computed };
  const whole = found.whole || named.some(isWholeDocument);
  const paths = new Set(found.paths);
  for (const path of named) if (!isWholeDocument(path)) paths.add(String(path));
  return { paths, whole, computed };
}

function pathsOf(reads: Reads, args: readonly unknown[]): readonly unknown[] {
  switch (reads) {
    case 'arguments':
    case 'items':
      return [];
    case 'path':
      return [args[0]];
    case 'keys':
      return Array.isArray(args[0]) ? args[0] : args;
    case 'keys of second':
      return Array.isArray(args[1]) ? pathsOf('keys', args[1]) : [args[1]];
    default:
      return unreachable(reads);
  }
}

/**
 * The rule with other paths: those that it reads of its document, keys of `missing` included, and
 * not those of items.
 * Caller: no path is computed. `copied` is called for each operation that was rewritten.
 */
export function renamePaths(
  rule: unknown,
  rename: (path: string) => string,
  copied: (from: object, to: object) => void = () => undefined,
): unknown {
  if (Array.isArray(rule)) return rule.map((item) => renamePaths(item, rename, copied));
  if (!isLogic(rule)) return rule;
  const [name, args] = operationOf(rule);
  const renamed = renameArguments(OPERATORS.get(name)?.reads ?? 'arguments', args, rename, (arg) =>
    renamePaths(arg, rename, copied),
  );
  const copy = { [name]: Array.isArray(rule[name]) ? renamed : renamed[0] };
  copied(rule, copy);
  return copy;
}

function renameArguments(
  reads: Reads,
  args: readonly unknown[],
  rename: (path: string) => string,
  inner: (arg: unknown) => unknown,
): unknown[] {
  const keys = (names: unknown) =>
    Array.isArray(names) ? names.map((name) => rename(String(name))) : names;
  const [first, ...others] = args;
  switch (reads) {
    case 'arguments':
      return args.map(inner);
    case 'path':
      return [rename(String(first)), ...others.map(inner)];
    case 'items':
      return args.map((arg, index) => (index === 1 ? arg : inner(arg)));
    case 'keys':
      return Array.isArray(first) ? [keys(first)] : (keys(args) as unknown[]);
    case 'keys of second':
      return args.map((arg, index) => (index === 1 ? keys(arg) : inner(arg)));
    default:
      return unreachable(reads);
  }
}
