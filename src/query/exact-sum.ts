/**
 * exact-sum.ts – Numbers added exactly, to 6 decimals, in whole millionths.
 *
 * Keeps true: a number counts as the decimal that JavaScript prints for it, rounded half away from zero at the sixth decimal;
 * so a sum depends on no order, and what was added and taken away again leaves nothing behind.
 */

const DECIMALS = 6;
/** Whole numbers up to this are whole millionths that a double holds. */
const WHOLE_MAX = 9_000_000_000;

/** The number in millionths. Caller: it is finite. */
export function toMicros(value: number): bigint {
  if (Number.isInteger(value) && Math.abs(value) <= WHOLE_MAX) return BigInt(value * 1_000_000);
  const [mantissa = '', exponent = '0'] = String(Math.abs(value)).split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const micros = shifted(BigInt(whole + fraction), Number(exponent) - fraction.length + DECIMALS);
  return value < 0 ? -micros : micros;
}

/** A whole number of no sign, moved by decimal places; what falls off the end is rounded half up. */
function shifted(digits: bigint, places: number): bigint {
  if (places >= 0) return digits * 10n ** BigInt(places);
  const divisor = 10n ** BigInt(-places);
  return (digits + divisor / 2n) / divisor;
}

/** The double that is nearest to the sum. */
export function fromMicros(sum: bigint): number {
  const digits = String(sum < 0n ? -sum : sum).padStart(DECIMALS + 1, '0');
  return Number(`${sum < 0n ? '-' : ''}${digits.slice(0, -DECIMALS)}.${digits.slice(-DECIMALS)}`);
}

/** The average of so many values (at least one): their sum as a number, divided once. */
export function average(sum: bigint, count: number): number {
  return fromMicros(sum) / count;
}

/** A sum repeated: what so many records that are alike add to it. */
export function scaled(sum: bigint, times: number): bigint {
  return sum * BigInt(times);
}

/** The sum of the numbers. */
export function sumOf(values: readonly number[]): bigint {
  let sum = 0n;
  for (const value of values) sum += toMicros(value);
  return sum;
}
