/**
 * reference-program.ts – The oracle for many rules over many documents: what json-logic-js says of
 * each, without walking every rule anew for every document.
 *
 * Keeps true: it answers what `holds` of reference.ts answers, and throws where that throws. The
 * operations that filters are mostly made of are closures here, word by word after json-logic-js
 * 2.0.5. Any other part of a rule is given to json-logic-js itself, as part of the rule that it is.
 * Added operations are the functions of reference.ts. It shares nothing with the fast path: neither
 * json-logic-program.ts, nor predicates, nor networks.
 *
 * A path, and an operation that costs more than a look, is worked out once a document, however many
 * rules have it.
 */
import { ADDED_OPERATIONS, answerOf } from './reference.ts';

/** What a part of a rule is asked of. */
class AskedDocument {
  readonly data: unknown;
  readonly nowMs: number;

  constructor(data: unknown, nowMs: number) {
    this.data = data;
    this.nowMs = nowMs;
  }
}

type Value = (frame: AskedDocument) => unknown;
type RuleTest = (frame: AskedDocument) => boolean;
type AddedFunction = (this: unknown, ...values: unknown[]) => unknown;

/** Stands in a slot that was not asked for yet. */
const UNASKED = Symbol('unasked');
/** A list of more constants than this is looked up in a set. */
const LISTED_MAX = 8;

export class ReferencePrograms {
  readonly #tests: RuleTest[] = [];
  /** What is known of the document, by the place in this list. */
  readonly #slots: unknown[] = [];
  readonly #slotOf = new Map<string, number>();
  #frame = new AskedDocument(null, 0);

  /** @returns the place of its rule for `holds`. Caller: no document is being asked about. */
  add(rule: unknown): number {
    return this.#tests.push(this.#test(rule, true)) - 1;
  }

  /** The document that is asked about from now on, and the clock. It must not change meanwhile. */
  begin(document: unknown, nowMs: number): void {
    this.#frame = new AskedDocument(document, nowMs);
    this.#slots.fill(UNASKED);
  }

  /** @throws what json-logic-js throws */
  holds(at: number): boolean {
    return this.#tests[at]!(this.#frame);
  }

  // ——— Truths ———

  /** `isWhole`: it is asked of the document, not of an item of a list in it. */
  #test(rule: unknown, isWhole: boolean): RuleTest {
    const [name, args] = operationIn(rule);
    switch (name) {
      case 'and':
        return every(args.map((arg) => this.#test(arg, isWhole)));
      case 'or':
        return some(args.map((arg) => this.#test(arg, isWhole)));
      case '!':
      case '!!':
        if (args.length === 1) {
          const test = this.#test(args[0], isWhole);
          return name === '!!' ? test : (frame) => !test(frame);
        }
    }
    const compared = this.#comparison(name, args, isWhole);
    if (compared) return compared;
    const value = this.#value(rule, isWhole);
    return (frame) => truthy(value(frame));
  }

  /** Undefined: it is none, or has a form that json-logic-js itself is asked about. */
  #comparison(
    name: string | undefined,
    args: readonly unknown[],
    isWhole: boolean,
  ): RuleTest | undefined {
    if (name === undefined || !COMPARISONS.has(name)) return undefined;
    const [left, right] = args;
    if (args.length === 3 && (name === '<' || name === '<=')) {
      const [low, , high] = args;
      const [a, b, c] = args.map((arg) => this.#value(arg, isWhole));
      if (name === '<=' && isScalar(low) && isScalar(high)) return withinTest(low, b!, high);
      return betweenTest(name, a!, b!, c!);
    }
    if (args.length !== 2) return undefined;
    if (name === 'in' && Array.isArray(right) && right.every(isScalar))
      return isAmong(this.#value(left, isWhole), right);
    const [a, b] = [this.#value(left, isWhole), this.#value(right, isWhole)];
    return isScalar(right) ? scalarTest(name, a, right) : pairTest(name, a, b);
  }

  // ——— Values ———

  #value(rule: unknown, isWhole: boolean): Value {
    if (isScalar(rule)) return () => rule;
    const [name, args] = operationIn(rule);
    switch (name) {
      case undefined:
        return asked(rule);
      case 'now':
        return (frame) => frame.nowMs;
      case 'var':
        return this.#path(rule, args, isWhole);
      case '!':
      case '!!':
        return args.length === 1 ? this.#test(rule, isWhole) : asked(rule);
    }
    const compared = this.#comparison(name, args, isWhole);
    if (compared) return compared;
    const made = this.#listValue(name, args, isWhole) ?? this.#addedValue(name, args, isWhole);
    if (!made) return asked(rule);
    return isWhole ? this.#once(JSON.stringify(rule), made) : made;
  }

  #path(rule: unknown, args: readonly unknown[], isWhole: boolean): Value {
    const steps = stepsOf(args);
    if (!steps) return asked(rule);
    const read: Value = ({ data }) => follow(data, steps);
    return isWhole ? this.#once(JSON.stringify({ var: steps }), read) : read;
  }

  #addedValue(name: string, args: readonly unknown[], isWhole: boolean): Value | undefined {
    const operation = ADDED_OPERATIONS.get(name) as AddedFunction | undefined;
    if (!operation) return undefined;
    const values = args.map((arg) => this.#value(arg, isWhole));
    return (frame) =>
      operation.apply(
        frame.data,
        values.map((value) => value(frame)),
      );
  }

  /** Operations that ask something of each item of a list. */
  #listValue(name: string, args: readonly unknown[], isWhole: boolean): Value | undefined {
    if (args.length !== 2 || !LIST_OPERATIONS.has(name)) return undefined;
    const list = this.#value(args[0], isWhole);
    const ofItem = (test: RuleTest, frame: AskedDocument) => (item: unknown) =>
      test(new AskedDocument(item, frame.nowMs));
    if (name === 'map') {
      const value = this.#value(args[1], false);
      return (frame) =>
        listOf(list(frame)).map((item) => value(new AskedDocument(item, frame.nowMs)));
    }
    const test = this.#test(args[1], false);
    switch (name) {
      case 'filter':
        return (frame) => listOf(list(frame)).filter(ofItem(test, frame));
      case 'some':
        return (frame) => listOf(list(frame)).some(ofItem(test, frame));
      case 'none':
        return (frame) => !listOf(list(frame)).some(ofItem(test, frame));
      default:
        return (frame) => {
          const items = listOf(list(frame));
          return items.length > 0 && items.every(ofItem(test, frame));
        };
    }
  }

  /**
   * Worked out once a document. A list that an operation makes is a new one each time, as `===`
   * knows; what a path leads to is not.
   */
  #once(text: string, value: Value): Value {
    const slots = this.#slots;
    let place = this.#slotOf.get(text);
    if (place === undefined) this.#slotOf.set(text, (place = slots.push(UNASKED) - 1));
    const [at, isPath] = [place, text.startsWith('{"var":')];
    const ask: Value = (frame) => {
      const found = value(frame);
      if (isPath || typeof found !== 'object') slots[at] = found;
      return found;
    };
    return (frame) => {
      const known = slots[at];
      return known === UNASKED ? ask(frame) : known;
    };
  }
}

/**
 * The names that a rule may read, and others: all texts in it, step by step. Undefined: it computes
 * what it reads.
 */
export function namesRead(rule: unknown): ReadonlySet<string> | undefined {
  const names = new Set<string>();
  const isWritten = (part: unknown): boolean => {
    if (typeof part === 'string' || typeof part === 'number')
      for (const step of String(part).split('.')) names.add(step);
    const [name, args] = operationIn(part);
    const isPath = name === 'var' ? isScalar(args[0] ?? null) : !name?.startsWith('missing');
    const parts = typeof part === 'object' && part !== null ? Object.values(part) : [];
    return isPath && parts.every(isWritten);
  };
  return isWritten(rule) ? names : undefined;
}

const COMPARISONS: ReadonlySet<string> = new Set([
  ...['==', '===', '!=', '!=='],
  ...['<', '<=', '>', '>=', 'in'],
]);
const LIST_OPERATIONS: ReadonlySet<string> = new Set(['map', 'filter', 'some', 'none', 'all']);

/** A part of a rule for json-logic-js itself. */
function asked(rule: unknown): Value {
  const isTimed = JSON.stringify(rule).includes('"now"');
  return ({ data, nowMs }) => answerOf(rule, data, isTimed ? nowMs : undefined);
}

function isScalar(value: unknown): boolean {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

/** An operation is an object with one key; one argument may stand without its list. */
function operationIn(rule: unknown): [name: string | undefined, args: readonly unknown[]] {
  if (typeof rule !== 'object' || rule === null || Array.isArray(rule)) return [undefined, []];
  const entries = Object.entries(rule);
  if (entries.length !== 1) return [undefined, []];
  const [name, given] = entries[0]!;
  return [name, Array.isArray(given) ? given : [given]];
}

function truthy(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

/** What is no list has no items. */
function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The steps of a path that is written out, not computed, and has no value in its stead. */
function stepsOf(args: readonly unknown[]): string[] | undefined {
  const [path] = args;
  if (args.length !== 1 || path === '') return undefined;
  return typeof path === 'string' || typeof path === 'number' ? String(path).split('.') : undefined;
}

/** Null where there is nothing. */
function follow(data: unknown, path: readonly string[]): unknown {
  let at = data;
  for (const step of path) {
    if (at === null || at === undefined) return null;
    at = (at as Record<string, unknown>)[step];
    if (at === undefined) return null;
  }
  return at;
}

/** In JsonLogic `and` and `or` of nothing are falsy. */
function every(tests: readonly RuleTest[]): RuleTest {
  const [a, b, c] = tests;
  if (!a) return () => false;
  if (!b) return a;
  if (!c) return (frame) => a(frame) && b(frame);
  if (tests.length === 3) return (frame) => a(frame) && b(frame) && c(frame);
  return (frame) => {
    for (let at = 0; at < tests.length; at++) if (!tests[at]!(frame)) return false;
    return true;
  };
}

function some(tests: readonly RuleTest[]): RuleTest {
  const [a, b] = tests;
  if (!a) return () => false;
  if (!b) return a;
  if (tests.length === 2) return (frame) => a(frame) || b(frame);
  return (frame) => {
    for (let at = 0; at < tests.length; at++) if (tests[at]!(frame)) return true;
    return false;
  };
}

/** Scalars only: `indexOf` finds no list and no object that was written out beside it. */
function isAmong(value: Value, list: readonly unknown[]): RuleTest {
  if (list.length <= LISTED_MAX) return (frame) => list.indexOf(value(frame)) !== -1;
  const listed = new Set(list);
  return (frame) => listed.has(value(frame));
}

type Text = (frame: AskedDocument) => string;

/**
 * The commonest comparison, with what is written in the rule. JavaScript compares whatever there
 * is, as json-logic-js lets it: the types are not known.
 */
function scalarTest(name: string, left: Value, right: unknown): RuleTest | undefined {
  const [a, scalar] = [left as Text, right as string];
  switch (name) {
    case '===':
      return (frame) => a(frame) === scalar;
    case '!==':
      return (frame) => a(frame) !== scalar;
    case '==':
      // biome-ignore lint/suspicious/noDoubleEquals: JsonLogic's == converts
      return (frame) => a(frame) == scalar;
    case '!=':
      // biome-ignore lint/suspicious/noDoubleEquals: JsonLogic's != converts
      return (frame) => a(frame) != scalar;
    case '>':
      return (frame) => a(frame) > scalar;
    case '>=':
      return (frame) => a(frame) >= scalar;
    case '<':
      return (frame) => a(frame) < scalar;
    case '<=':
      return (frame) => a(frame) <= scalar;
    default:
      return pairTest(name, left, () => right);
  }
}

/** The same with any other value. */
function pairTest(name: string, left: Value, right: Value): RuleTest | undefined {
  const [a, b] = [left as Text, right as Text];
  switch (name) {
    case '===':
      return (frame) => a(frame) === b(frame);
    case '!==':
      return (frame) => a(frame) !== b(frame);
    case '==':
      // biome-ignore lint/suspicious/noDoubleEquals: JsonLogic's == converts
      return (frame) => a(frame) == b(frame);
    case '!=':
      // biome-ignore lint/suspicious/noDoubleEquals: JsonLogic's != converts
      return (frame) => a(frame) != b(frame);
    case '>':
      return (frame) => a(frame) > b(frame);
    case '>=':
      return (frame) => a(frame) >= b(frame);
    case '<':
      return (frame) => a(frame) < b(frame);
    case '<=':
      return (frame) => a(frame) <= b(frame);
    case 'in':
      return (frame) => {
        const [value, place] = [a(frame), b(frame) as string | undefined];
        if (!place || typeof place.indexOf === 'undefined') return false;
        return place.indexOf(value) !== -1;
      };
    default:
      return undefined;
  }
}

function betweenTest(name: '<' | '<=', ...values: [Value, Value, Value]): RuleTest {
  const [a, b, c] = values as Value[] as ((frame: AskedDocument) => number)[] as Numbers;
  if (name === '<=')
    return (frame) => {
      const [low, middle, high] = [a(frame), b(frame), c(frame) as number | undefined];
      return high === undefined ? low <= middle : low <= middle && middle <= high;
    };
  return (frame) => {
    const [low, middle, high] = [a(frame), b(frame), c(frame) as number | undefined];
    return high === undefined ? low < middle : low < middle && middle < high;
  };
}

/** The commonest of these: between two values that are written in the rule. */
function withinTest(low: unknown, value: Value, high: unknown): RuleTest {
  const [from, to] = [low as number, high as number];
  return (frame) => {
    const middle = value(frame) as number;
    return from <= middle && middle <= to;
  };
}

type Numbers = [
  (frame: AskedDocument) => number,
  (frame: AskedDocument) => number,
  (frame: AskedDocument) => number,
];
