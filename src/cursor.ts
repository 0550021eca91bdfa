/**
 * cursor.ts – Cursors of pages: where a list goes on, as an opaque text.
 *
 * Keeps true: what `packCursor` wrote is read back as it was. Any other text is refused with
 * `cursor_invalid` and never taken for the beginning.
 */
import { Problem } from './errors.ts';

/** A cursor that stands for `place`. Caller: the place is plain JSON. */
export function packCursor(place: unknown): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/**
 * The place that a cursor stands for. `parse` answers undefined for what is no such place.
 * @throws Problem cursor_invalid
 */
export function readCursor<T>(cursor: string, parse: (place: unknown) => T | undefined): T {
  const place = parse(unpack(cursor));
  if (place === undefined) throw cursorInvalid();
  return place;
}

/** A Problem `cursor_invalid`; it says more than usual if `detail` is given. */
export function cursorInvalid(
  detail = 'the cursor is not one that this endpoint gave out',
): Problem {
  return new Problem('cursor_invalid', detail, [{ path: '/cursor', detail: 'invalid' }]);
}

/** Undefined if it is not JSON. */
function unpack(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return undefined;
  }
}

/** A whole number from 0 on, as a place in a list; else undefined. */
export function asOffset(place: unknown): number | undefined {
  return Number.isSafeInteger(place) && (place as number) >= 0 ? (place as number) : undefined;
}
