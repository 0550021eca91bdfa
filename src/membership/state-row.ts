/**
 * state-row.ts – What the engine remembers of a record beside its values: one hash field of `state:<type>`.
 *
 * Written `due;unanswered;ordinals`: the next moment at which the clock flips one of its predicates, the neighbours that have
 * not answered yet (both empty until filters move with time and reach across relationships), and the ordinals of the
 * predicates that hold. Keeps true: a row that says nothing is not stored, and an absent row says nothing.
 */
import { assert } from '../errors.ts';
import { NO_ORDINALS, type Ordinals, packOrdinals, unpackOrdinals } from './ordinals.ts';

export function packState(held: Ordinals, isKept: (ordinal: number) => boolean): string | undefined {
  const packed = packOrdinals(held, isKept);
  return packed === '' ? undefined : `;;${packed}`;
}

export function unpackState(row: string | null | undefined): Ordinals {
  if (!row) return NO_ORDINALS;
  const start = row.indexOf(';', row.indexOf(';') + 1) + 1;
  assert(start >= 2, `a state row has three parts, this is '${row.slice(0, 20)}'`);
  return unpackOrdinals(row.slice(start));
}
