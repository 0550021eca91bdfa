/**
 * zoned-dates.ts – Ages of dates in JsonLogic, with the time zone that they count in.
 *
 * Keeps true: an age of a date names its time zone, so that the reference computes the same.
 */
import type { ObjectType } from '../../../change/object-type.ts';
import { namingZone } from '../../time/clocks.ts';
import type { Reading } from '../scope.ts';
import { comparedIn } from './literals.ts';
import { rewritten } from './rewriting.ts';
import type { Args } from './shapes.ts';

/**
 * The rule, in which each age of a date in milliseconds names the time zone where its day begins;
 * itself, if none must.
 */
export function withZonedDates(
  rule: unknown,
  type: ObjectType,
  reading: Reading,
  copied: (from: object, to: object) => void,
): unknown {
  const { types, timeZone } = reading.scope;
  const zoned = (name: string, args: Args, of: ObjectType) => {
    const named = namingZone(name, args, timeZone);
    const read = named === args ? undefined : comparedIn(args[0], of, types);
    return read?.attribute.type === 'date' ? { [name]: named } : undefined;
  };
  return rewritten(rule, type, types, zoned, copied);
}
