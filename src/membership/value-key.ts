/**
 * value-key.ts – The name under which a value is counted among the different ones.
 *
 * Keeps true: two values have one name exactly if they are the same value of the same type, strings
 * by their code units, halves of surrogate pairs too. A name is short whatever the value, holds no
 * line break, and is the same in every process.
 */
import { createHash } from 'node:crypto';
import type { Scalar } from '../query/predicate/predicate.ts';
import type { PartialState } from '../query/predicate/tally.ts';

/** A value that holders have at a target. */
export interface TargetValue {
  readonly target: string;
  /** Its name. */
  readonly value: string;
}

/** The same, for one shared predicate of theirs. */
export interface ValueAt extends TargetValue {
  readonly predicateId: number;
}

/** Longer texts are named by their digest: 44 characters. */
const TEXT_MAX = 48;

/** JSON escapes what is no valid text, so that Redis keeps it apart; none begins with '#'. */
export function valueKey(value: Scalar): string {
  const text = JSON.stringify(value);
  if (text.length <= TEXT_MAX) return text;
  return `#${createHash('sha256').update(text).digest('base64url')}`;
}

/**
 * The part of a value that travels to the other end of an edge; undefined: it counts as missing.
 */
export function carriedValue(keeps: PartialState, value: unknown): number | string | undefined {
  if (keeps !== 'values') return typeof value === 'number' ? value : undefined;
  return isScalar(value) ? valueKey(value) : undefined;
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/** One text for a value at a target. Names of values have no line break. */
export function nameOf({ predicateId, target, value }: ValueAt): string {
  return `${predicateId} ${value}\n${target}`;
}
