/**
 * cost.ts – The worst-case cost of a JsonLogic program, found from the rule alone: the bound that a
 * query is saved under.
 *
 * Keeps true: a program that would pass its budget (budget.ts) over a record of the size assumed
 * here is refused, whatever its conditions decide. Nothing is run to find that out. Loops multiply:
 * over a list that the rule writes out by its length, over data by an assumed one. Larger records
 * are the business of the budget that holds when the program runs.
 */
import type { ObjectType } from '../change/object-type.ts';
import {
  allowanceOf,
  BYTES_AN_OPERATION,
  BYTES_MAX,
  ITEM_BYTES,
  sizeOf,
  TEXT_FREE,
} from './budget.ts';
import { isLogic, operationOf } from './json-logic/json-logic-program.ts';
import { OPERATIONS } from './json-logic/operations.ts';
import {
  either,
  isLarger,
  listed,
  listOf,
  NOTHING,
  NUMBER_TEXT,
  scalar,
  TEXT_ASSUMED,
  textBytes,
  type ValueShape,
  worstOfTexts,
} from './value-shape.ts';

/** Items of a list attribute. */
const ITEMS_ASSUMED = 2000;
/**
 * Items of a list in an object attribute; of lists within its items, and so on. What lies deeper is
 * one value.
 */
const INNER_ITEMS_ASSUMED = [200, 10, 3];
/**
 * The bound of all countable parts of a query together, over a record of the size that is assumed
 * here: about 0.2 s.
 */
export const QUERY_OPERATIONS_MAX = 20_000_000;
/** json-logic-js hands all arguments over in one call, which fails near 120,000. */
const ARGUMENTS_MAX = 10_000;
/**
 * What a reduce repeats is looked at up to four times, nested ones in each of them: an estimate has
 * a bound of its own.
 */
const VISITS_MAX = 200_000;

interface Estimate {
  readonly operations: number;
  readonly bytes: number;
  readonly shape: ValueShape;
}

/** What paths are read of. */
type CostScope =
  | { readonly kind: 'record'; readonly type: ObjectType }
  | { readonly kind: 'item'; readonly item: ValueShape }
  | { readonly kind: 'reduce'; readonly current: ValueShape; readonly accumulator: ValueShape };

/** The part of a rule at which it comes to cost too much, and why. */
export interface TooCostly {
  readonly part: unknown;
  readonly why: string;
}

/**
 * The operations that the rule may take over a record of the assumed size; or the innermost part
 * that is too much.
 */
export function costOf(
  rule: unknown,
  type: ObjectType,
  attributes: readonly string[],
): number | TooCostly {
  const read = attributes.reduce((size, name) => size + sizeAssumed(attributeShape(type, name)), 0);
  const estimator = new Estimator(allowanceOf(sizeOf(rule), Math.max(1, read)));
  try {
    return operationsOf(estimator.of(rule, { kind: 'record', type }));
  } catch (error) {
    if (error instanceof Excess) return error;
    throw error;
  }
}

class Excess extends Error implements TooCostly {
  readonly part: unknown;
  readonly why: string;

  constructor(part: unknown, why: string) {
    super(why);
    this.part = part;
    this.why = why;
  }
}

/** Bytes are paid for in operations too. */
function operationsOf({ operations, bytes }: Estimate): number {
  return operations + bytes / BYTES_AN_OPERATION;
}

class Estimator {
  readonly #operationsMax: number;
  #visits = 0;

  constructor(operationsMax: number) {
    this.#operationsMax = operationsMax;
  }

  of(rule: unknown, scope: CostScope): Estimate {
    if (++this.#visits > VISITS_MAX)
      throw new Excess(rule, 'its reduces are nested too deep to tell what they cost');
    if (Array.isArray(rule)) return this.#bounded(rule, this.#list(rule, scope));
    if (!isLogic(rule)) return { operations: 0, bytes: 0, shape: scalar(constantText(rule)) };
    return this.#bounded(rule, this.#operation(rule, scope));
  }

  #bounded(part: unknown, estimate: Estimate): Estimate {
    const operations = operationsOf(estimate);
    if (operations > this.#operationsMax) {
      throw new Excess(part, `it may take ${rounded(operations)} operations`);
    }
    if (estimate.bytes > BYTES_MAX) {
      throw new Excess(part, `it may put ${rounded(estimate.bytes / 1024 / 1024)} MB together`);
    }
    return estimate;
  }

  /** A list that holds nothing but scalars is not walked through again and again. */
  #list(items: readonly unknown[], scope: CostScope): Estimate {
    const all = this.#each(items, scope);
    const shape = listOf(
      items.length,
      all.shapes.reduce(either, NOTHING),
      all.shapes.reduce((text, each) => text + each.text + 1, 0),
    );
    return {
      operations: all.operations + items.length,
      bytes: all.bytes + ITEM_BYTES * items.length,
      shape,
    };
  }

  #each(
    rules: readonly unknown[],
    scope: CostScope,
  ): {
    readonly operations: number;
    readonly bytes: number;
    readonly shapes: readonly ValueShape[];
  } {
    let [operations, bytes] = [0, 0];
    const shapes = rules.map((rule) => {
      if (typeof rule !== 'object' || rule === null) return scalar(constantText(rule));
      const estimate = this.of(rule, scope);
      operations += estimate.operations;
      bytes += estimate.bytes;
      return estimate.shape;
    });
    return { operations, bytes, shapes };
  }

  #operation(rule: Readonly<Record<string, unknown>>, scope: CostScope): Estimate {
    const [name, args] = operationOf(rule);
    if (args.length > ARGUMENTS_MAX && name !== 'and' && name !== 'or') {
      throw new Excess(rule, `it has more than ${ARGUMENTS_MAX} arguments`);
    }
    switch (name) {
      case 'var':
        return this.#var(args, scope);
      case 'missing':
      case 'missing_some': {
        const keys = sizeOf(args);
        const all = this.#each(args, scope);
        const shape = listOf(keys, scalar(TEXT_ASSUMED));
        return {
          operations: all.operations + 4 * keys,
          bytes: all.bytes + ITEM_BYTES * keys,
          shape,
        };
      }
      case 'map':
      case 'filter':
      case 'all':
      case 'some':
      case 'none':
        return this.#loop(name, args, scope);
      case 'reduce':
        return this.#reduce(args, scope);
      case 'in':
        return this.#in(args, scope);
      default:
        return worked(name, args, this.#each(args, scope));
    }
  }

  #var([path, otherwise]: readonly unknown[], scope: CostScope): Estimate {
    const steps = path === undefined || path === null || path === '' ? [] : String(path).split('.');
    const given = otherwise === undefined ? undefined : this.of(otherwise, scope);
    const found = shapeAt(scope, steps);
    return {
      operations: 1 + steps.length + (given?.operations ?? 0),
      bytes: given?.bytes ?? 0,
      shape: given ? either(found, given.shape) : found,
    };
  }

  #loop(name: string, [list, body]: readonly unknown[], scope: CostScope): Estimate {
    const over = this.of(list, scope);
    const { items, item = NOTHING } = over.shape;
    const each = this.of(body, { kind: 'item', item });
    const copied = name === 'map' || name === 'filter' ? ITEM_BYTES * items : 0;
    return {
      operations: over.operations + items * (1 + each.operations),
      bytes: over.bytes + items * each.bytes + copied,
      shape:
        name === 'map'
          ? listOf(items, each.shape)
          : name === 'filter'
            ? over.shape
            : scalar(NUMBER_TEXT),
    };
  }

  /**
   * The accumulator is what it began as, or what an item made of it; if it grows, it grows with
   * each item.
   */
  #reduce([list, body, initial]: readonly unknown[], scope: CostScope): Estimate {
    const [over, first] = [this.of(list, scope), this.of(initial ?? null, scope)];
    const { items, item: current = NOTHING } = over.shape;
    const seeing = (accumulator: ValueShape) =>
      this.of(body, { kind: 'reduce', current, accumulator });
    const once = either(first.shape, seeing(first.shape).shape);
    const second = seeing(once);
    const twice = either(once, second.shape);
    const isSteady = !isLarger(twice, once);
    const grown = isSteady
      ? once
      : grownFrom(once, twice, either(twice, seeing(twice).shape), items);
    const each = isSteady ? second : seeing(grown);
    return {
      operations: over.operations + first.operations + items * (1 + each.operations),
      bytes: over.bytes + first.bytes + items * each.bytes,
      shape: grown,
    };
  }

  /** A list of constants is looked into by hash. */
  #in(args: readonly unknown[], scope: CostScope): Estimate {
    const [value, place] = args;
    const isOfConstants =
      Array.isArray(place) && !place.some((item) => typeof item === 'object' && item !== null);
    const sought = this.of(value, scope);
    if (args.length === 2 && isOfConstants) {
      return {
        operations: sought.operations + 8,
        bytes: sought.bytes + textBytes(sought.shape),
        shape: scalar(5),
      };
    }
    const more = this.#each(args.slice(2), scope);
    const within = this.of(place ?? null, scope);
    const { items, text } = within.shape;
    const long = sought.shape.text > TEXT_FREE ? items * sought.shape.text : 0;
    return {
      operations:
        sought.operations +
        within.operations +
        more.operations +
        1 +
        (items > 0 ? items : 3 * text),
      bytes:
        sought.bytes + within.bytes + more.bytes + (items > 0 ? long : textBytes(sought.shape)),
      shape: scalar(5),
    };
  }
}

interface Each {
  readonly operations: number;
  readonly bytes: number;
  readonly shapes: readonly ValueShape[];
}

/** An operation that looks at the values of its arguments. */
function worked(
  name: string,
  args: readonly unknown[],
  { operations, bytes, shapes }: Each,
): Estimate {
  const own = 1 + operations;
  const [first = NOTHING] = shapes;
  switch (name) {
    case 'if':
    case '?:':
    case 'and':
    case 'or':
      return { operations: own, bytes, shape: shapes.reduce(either, NOTHING) };
    case '!':
    case '!!':
      return { operations: own, bytes, shape: scalar(5) };
    case 'merge': {
      const items = shapes.reduce((all, shape) => all + Math.max(1, shape.items), 0);
      const item = shapes.reduce((one, shape) => either(one, shape.item ?? shape), NOTHING);
      const text = shapes.reduce((all, shape) => all + shape.text + 1, 0);
      return {
        operations: own,
        bytes: bytes + ITEM_BYTES * items,
        shape: listOf(items, item, text),
      };
    }
    case 'cat': {
      const text = shapes.reduce((all, shape) => all + shape.text, 0);
      return { operations: own + listed(shapes), bytes: bytes + text, shape: scalar(text) };
    }
    case 'substr':
      return { operations: own + listed(shapes), bytes, shape: scalar(first.text) };
    default: {
      const worst = OPERATIONS.get(name)?.worst ?? worstOfTexts;
      const added = worst(shapes, args);
      return {
        operations: own + added.operations,
        bytes: bytes + added.bytes,
        shape: added.shape,
      };
    }
  }
}

// ——— What grows, and what is read ———

/**
 * A value that grows by the same each time comes to a sum; one that grows by more each time has no
 * useful bound.
 */
function grownFrom(
  once: ValueShape,
  twice: ValueShape,
  thrice: ValueShape,
  times: number,
): ValueShape {
  const growth = (count: (shape: ValueShape) => number) => {
    const [first, second] = [count(twice) - count(once), count(thrice) - count(twice)];
    return second > first ? Number.POSITIVE_INFINITY : count(once) + times * first;
  };
  return {
    items: growth(({ items }) => items),
    item: thrice.item,
    text: growth(({ text }) => text),
  };
}

function constantText(value: unknown): number {
  return typeof value === 'string' ? value.length : NUMBER_TEXT;
}

/** The characters that a text of the attribute is assumed to have. */
export function charactersAssumed(type: ObjectType, name: string): number {
  return attributeShape(type, name).text;
}

function attributeShape(type: ObjectType, name: string): ValueShape {
  switch (type.attributes.get(name)?.type) {
    case 'string':
      return scalar(TEXT_ASSUMED);
    case 'list':
      return listOf(ITEMS_ASSUMED, scalar(TEXT_FREE));
    case 'object':
      return anything(0);
    default:
      return scalar(NUMBER_TEXT);
  }
}

/** The inside of an object attribute may be anything; all of it is one record's. */
function anything(depth: number): ValueShape {
  const items = INNER_ITEMS_ASSUMED[depth];
  if (items === undefined) return scalar(TEXT_ASSUMED);
  return listOf(items, anything(depth + 1), items * TEXT_FREE);
}

function sizeAssumed({ items, item, text }: ValueShape): number {
  return items > 0 && item ? items * sizeAssumed(item) : 1 + text / 8;
}

function shapeAt(scope: CostScope, [first, ...deeper]: readonly string[]): ValueShape {
  if (scope.kind === 'record') {
    if (first === undefined) return anything(0);
    const whole = attributeShape(scope.type, first);
    return scope.type.attributes.get(first)?.type === 'object' ? whole : inside(whole, deeper);
  }
  if (scope.kind === 'item')
    return inside(scope.item, first === undefined ? [] : [first, ...deeper]);
  if (first === 'current') return inside(scope.current, deeper);
  return either(scope.accumulator, either(scope.current, scalar(TEXT_ASSUMED)));
}

/**
 * A member of an item that may be anything may be a list itself: what it holds is as much as the
 * item does.
 */
function inside(shape: ValueShape, steps: readonly string[]): ValueShape {
  if (steps.length === 0 || shape.items === 0) return shape;
  return steps.some((step) => /^\d+$/.test(step)) ? either(shape, shape.item ?? NOTHING) : shape;
}

function rounded(count: number): string {
  if (!Number.isFinite(count) || count >= 1e15) return 'countless';
  return Number(count.toPrecision(2)).toLocaleString('en');
}
