/**
 * exact-sum.ts – Numbers added exactly, to 12 decimals, in whole trillionths.
 *
 * Keeps true: a number counts as the decimal that JavaScript prints for it, rounded half-even at
 * the twelfth decimal. So a sum depends on no order, and what was added and taken away again leaves
 * nothing behind. A double has at most 309 digits before the point, so a sum of 2^53 of them has at
 * most 340. No number makes it grow without bound.
 */

const DECIMALS = 12;
const UNIT = 10n ** BigInt(DECIMALS);
/** Whole numbers up to this are whole trillionths that a double holds. */
const WHOLE_MAX = 9_000;
/** An average is given to so many decimals. */
const AVERAGE_DECIMALS = 6;

/** The number in trillionths. Caller: it is finite. */
export function toTrillionths(value: number): bigint {
  if (Number.isSafeInteger(value)) {
    return Math.abs(value) <= WHOLE_MAX ? BigInt(value * 1_000_000_000_000) : BigInt(value) * UNIT;
  }
  const [mantissa = '', exponent = '0'] = String(Math.abs(value)).split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const trillionths = shifted(
    BigInt(whole + fraction),
    Number(exponent) - fraction.length + DECIMALS,
  );
  return value < 0 ? -trillionths : trillionths;
}

/**
 * A whole number of no sign, moved by decimal places; what falls off the end is rounded half-even.
 */
function shifted(digits: bigint, places: number): bigint {
  return places >= 0 ? digits * 10n ** BigInt(places) : divided(digits, 10n ** BigInt(-places));
}

/**
 * The nearest whole number to a quotient of numbers of no sign; of two that are as near, the even
 * one.
 */
function divided(dividend: bigint, divisor: bigint): bigint {
  const [whole, twice] = [dividend / divisor, (dividend % divisor) * 2n];
  const isUp = twice > divisor || (twice === divisor && whole % 2n === 1n);
  return isUp ? whole + 1n : whole;
}

/**
 * The double that is nearest to the sum. Beyond the doubles it is infinite, as it is in JavaScript.
 */
export function fromTrillionths(sum: bigint): number {
  return Number(`${sum}e-${DECIMALS}`);
}

/**
 * The average of so many values (at least one): their sum over their number, rounded half-even to 6
 * decimals.
 */
export function average(sum: bigint, count: number): number {
  const divisor = BigInt(count) * 10n ** BigInt(DECIMALS - AVERAGE_DECIMALS);
  const rounded = divided(sum < 0n ? -sum : sum, divisor);
  return Number(`${sum < 0n && rounded > 0n ? '-' : ''}${rounded}e-${AVERAGE_DECIMALS}`);
}

/** A sum repeated: what so many records that are alike add to it. */
export function scaled(sum: bigint, times: number): bigint {
  return sum * BigInt(times);
}

/** The sum of the numbers. */
export function sumOf(values: readonly number[]): bigint {
  let sum = 0n;
  for (const value of values) sum += toTrillionths(value);
  return sum;
}
