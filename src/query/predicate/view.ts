/**
 * view.ts – The views of an attribute: its value, its value lower-cased, or the moment at which a
 * date begins.
 *
 * Keeps true: reading a view of a record and its JsonLogic give the same value.
 */
import { beginOfDate } from '../../change/value.ts';
import type { AttributeView } from './predicate.ts';

/**
 * A record's values by attribute name, in normal form; a missing value is an absent member, never
 * null.
 */
export type Attributes = Readonly<Record<string, unknown>>;

/**
 * Lower-cases strings, and the strings of a list, as the operation `toLowerCase` does; anything
 * else is left as it is.
 */
export function fold(value: unknown): unknown {
  if (typeof value === 'string') return value.toLowerCase();
  return Array.isArray(value) ? value.map(fold) : value;
}

export function viewReader({
  attribute,
  folded,
  datesIn,
}: AttributeView): (attributes: Attributes) => unknown {
  if (datesIn !== undefined) return (attributes) => beginOfDate(attributes[attribute], datesIn);
  return folded
    ? (attributes) => fold(attributes[attribute])
    : (attributes) => attributes[attribute];
}

export function viewLogic({ attribute, folded, datesIn }: AttributeView): unknown {
  if (datesIn !== undefined) return { startOfDay: [{ var: attribute }, datesIn] };
  return folded ? { toLowerCase: [{ var: attribute }] } : { var: attribute };
}

/** What is asked whether it is there: a date is there if the moment is at which its day begins. */
export function guardedLogic({ attribute, folded }: AttributeView): unknown {
  return viewLogic({ attribute, folded });
}

/** The same for the same view. */
export function viewKey({ attribute, folded, datesIn }: AttributeView): string {
  if (datesIn !== undefined) return `${attribute} ${datesIn}`;
  return folded ? `${attribute}~` : attribute;
}
