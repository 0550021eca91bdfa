/**
 * part-context.ts – The record that a part of a rule is about, and how its parts are read.
 *
 * Keeps true: a part is read with the type of the record that its paths begin at.
 */
import type { ObjectType } from '../../../change/object-type.ts';
import type { Predicate } from '../../predicate/predicate.ts';
import type { Reading } from '../scope.ts';
import type { Pointers } from './check.ts';
import type { Args } from './shapes.ts';

/** The record that a part speaks of. */
export interface PartContext {
  readonly type: ObjectType;
  readonly reading: Reading;
  readonly pointers: Pointers;
  /** The pointer of the whole rule. */
  readonly root: string;
  /** Reads a part of the rule (truth.ts). Handed down, since parts are read by one another. */
  readonly truthOf: (part: unknown, here: PartContext) => Predicate;
}

/** An operation's truth as a predicate, or undefined where only running it shows it. */
export type Structure = (args: Args, here: PartContext) => Predicate | undefined;
