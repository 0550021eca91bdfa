/**
 * sort-key.ts – Values as bytes that are ordered as the rows of a view are.
 *
 * Keeps true: comparing two keys byte by byte gives the order of the view: by its first value, then
 * its second, …. Strings go by UTF-16 code units, a missing value is last in either direction, and
 * equal rows go by the bytes of their ids. No key is the beginning of another one.
 */
import { assert } from '../errors.ts';
import type { SortKey } from '../query/dialects/view-columns.ts';

/** Strings that differ only after so many code units are in the order of their ids. */
export const SORTED_UNITS_MAX = 1000;

const PRESENT = 1;
const MISSING = 2;

/** The bytes of a row: its values in their order, its id, and how long that is. */
export function packSortMember(
  values: readonly unknown[],
  keys: readonly SortKey[],
  id: string,
): Buffer {
  const parts = keys.map(({ direction }, at) => packValue(values[at], direction === 'desc'));
  const name = Buffer.from(id);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(name.length);
  return Buffer.concat([...parts, name, length]);
}

export function idOfSortMember(member: Buffer): string {
  const end = member.length - 2;
  return member.toString('utf8', end - member.readUInt16BE(end), end);
}

function packValue(value: unknown, isDescending: boolean): Buffer {
  if (value === undefined) return Buffer.of(MISSING);
  const bytes = bytesOf(value);
  if (isDescending) for (let at = 0; at < bytes.length; at++) bytes[at] = 0xff - bytes[at]!;
  return Buffer.concat([Buffer.of(PRESENT), bytes]);
}

function bytesOf(value: unknown): Buffer {
  if (typeof value === 'boolean') return Buffer.of(value ? 1 : 0);
  if (typeof value === 'number') return bytesOfNumber(value);
  assert(typeof value === 'string', 'what is sorted by is a scalar');
  return bytesOfString(value.slice(0, SORTED_UNITS_MAX));
}

/**
 * As IEEE 754, with the sign turned so that negative numbers come first, and among them the greater
 * magnitude.
 */
function bytesOfNumber(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value + 0); // −0 is 0
  const isNegative = bytes[0]! >= 0x80;
  if (isNegative) for (let at = 0; at < 8; at++) bytes[at] = 0xff - bytes[at]!;
  else bytes[0] = bytes[0]! | 0x80;
  return bytes;
}

/**
 * Code units, ended by two zero units; a zero unit within is followed by the highest one, so that
 * it sorts after an end.
 */
function bytesOfString(text: string): Buffer {
  const units = Buffer.from(`${text.replaceAll('\0', '\0\uffff')}\0\0`, 'utf16le');
  return units.swap16();
}
