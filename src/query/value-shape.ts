/**
 * value-shape.ts – The largest size of a value, by which cost.ts estimates what a program costs
 * over values that it has not seen.
 *
 * Keeps true: a shape is an upper bound; of two that a value may have, the larger one holds.
 */
import { TEXT_FREE } from './budget.ts';

/** The characters that a text, and a number as text, is assumed to have. */
export const TEXT_ASSUMED = 100;
export const NUMBER_TEXT = 24;

/**
 * The largest size of a value: its length as a list (0: it is none), its items, and its length as
 * text.
 */
export interface ValueShape {
  readonly items: number;
  readonly item: ValueShape | undefined;
  readonly text: number;
}

/** The cost of an operation at worst beside its arguments, and its result. */
export interface Worst {
  readonly operations: number;
  readonly bytes: number;
  readonly shape: ValueShape;
}

export const NOTHING: ValueShape = { items: 0, item: undefined, text: 0 };

export function scalar(text: number): ValueShape {
  return { items: 0, item: undefined, text };
}

export function listOf(
  items: number,
  item: ValueShape,
  text = items * (item.text + 1),
): ValueShape {
  return { items, item, text };
}

export function either(a: ValueShape, b: ValueShape): ValueShape {
  if (a === NOTHING || a === b) return b;
  if (b === NOTHING) return a;
  const item = a.item && b.item ? either(a.item, b.item) : (a.item ?? b.item);
  return { items: Math.max(a.items, b.items), item, text: Math.max(a.text, b.text) };
}

export function isLarger(a: ValueShape, b: ValueShape): boolean {
  return a.items > b.items || a.text > b.text;
}

/** Text that is long enough to count, or a list that would have to become one. */
export function textBytes({ items, text }: ValueShape): number {
  return items > 0 || text > TEXT_FREE ? text : 0;
}

/** The items that are walked through where lists become text. */
export function listed(shapes: readonly ValueShape[]): number {
  return shapes.reduce((all, shape) => all + itemsWithin(shape), 0);
}

function itemsWithin({ items, item }: ValueShape): number {
  return items === 0 ? 0 : items * (1 + (item ? itemsWithin(item) : 0));
}

/** An operation that looks through its arguments as texts, and gives a truth or a number. */
export function worstOfTexts(shapes: readonly ValueShape[]): Worst {
  const bytes = shapes.reduce((all, shape) => all + textBytes(shape), 0);
  return { operations: listed(shapes), bytes, shape: scalar(NUMBER_TEXT) };
}
