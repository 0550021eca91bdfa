/**
 * budget.ts – The budget of a program: a count of its operations, and of the bytes that it puts
 * together.
 *
 * Keeps true: what a run spends follows from its rule and its document alone, so every process
 * counts the same and no clock is read. Whatever loops, copies or turns a value into text pays for
 * it before it does it. Outside of `within` nothing is bounded.
 *
 * A program works off its document part by part, so its due is what it holds times what it reads.
 * That, up to OPERATIONS_MAX, and OPERATIONS_FREE in any case, is allowed; what takes more has
 * loops that feed each other.
 */

/** Measured: an operation takes 2 to 10 ns, so this is 1 to 5 ms. */
export const OPERATIONS_FREE = 500_000;
/**
 * Measured: 20 to 100 ms. A linear program over the 500,000 items that a record's line can hold
 * takes 1 to 5 million.
 */
export const OPERATIONS_MAX = 10_000_000;
/** Operations for each pair of a part of the program and a value that it reads. */
const OPERATIONS_A_PAIR = 24;
/** Text and lists that one run puts together: one of 500,000 items takes 4 MB. */
export const BYTES_MAX = 32 * 1024 * 1024;
/** Measured: to copy, fold or compare 8 bytes takes as long as an operation. */
export const BYTES_AN_OPERATION = 8;
/** A reference in a list. */
export const ITEM_BYTES = 8;
/** Shorter text is part of the operation that reads it. */
export const TEXT_FREE = 32;
/**
 * Lists within lists that JavaScript would join into one text; it recurses, and no process must
 * find its stack's end first.
 */
const TEXT_DEPTH_MAX = 200;

/**
 * Different values that are counted for one record: about 1 MB of its partition, if each is a long
 * text.
 */
export const DIFFERENT_VALUES_MAX = 10_000;

/** Thrown by whatever would pass the budget. */
export class OverBudget extends Error {
  /** The bound that it exceeded. */
  readonly passed: string;

  constructor(passed: string) {
    super(`a program took more than ${passed}`);
    this.passed = passed;
    this.name = 'OverBudget';
  }
}

/**
 * The rest of the budget. These count down in small integers, so that counting makes no garbage
 * (measured: 20 ns a run instead of 260).
 */
const SMALL_MAX = 2 ** 30 - 1;
let operationsLeft = SMALL_MAX;
let bytesLeft = SMALL_MAX;
let operationsMax = SMALL_MAX;
let isBounded = false;
/** All operations that were ever counted within a budget, modulo 2^32. */
let total = 0;

/**
 * Operations that this process has counted: what something has taken is `spentSince` an earlier
 * answer.
 */
export function spentSoFar(): number {
  return total;
}

export function spentSince(before: number): number {
  return (total - before) >>> 0;
}

/** Runs something within a budget of operations, and BYTES_MAX. @throws OverBudget */
export function within<T, A>(allowed: number, run: (argument: A) => T, argument: A): T {
  const outerLeft = operationsLeft;
  const outerBytes = bytesLeft;
  const outerMax = operationsMax;
  const wasBounded = isBounded;
  operationsLeft = operationsMax = allowed;
  bytesLeft = BYTES_MAX;
  isBounded = true;
  try {
    return run(argument);
  } finally {
    total = (total + allowed - operationsLeft) | 0;
    operationsLeft = outerLeft;
    bytesLeft = outerBytes;
    operationsMax = outerMax;
    isBounded = wasBounded;
  }
}

/**
 * Runs a program over a document: within what is free, or else once more within what is due to the
 * two of them. `sizeOfRead` is asked only then. @throws OverBudget
 */
export function runProgram<T, A>(
  run: (document: A) => T,
  document: A,
  parts: number,
  sizeOfRead: (document: A) => number,
): T {
  try {
    return within(OPERATIONS_FREE, run, document);
  } catch (error) {
    if (!(error instanceof OverBudget)) throw error;
    const allowed = allowanceOf(parts, sizeOfRead(document));
    if (allowed <= OPERATIONS_FREE) throw error;
    return within(allowed, run, document);
  }
}

/** The allowance of a run over the document. `parts` is the program's size (`sizeOf` its rule). */
export function allowanceOf(parts: number, size: number): number {
  return Math.max(OPERATIONS_FREE, Math.min(OPERATIONS_MAX, OPERATIONS_A_PAIR * parts * size));
}

/**
 * The values in a JSON value, lists and objects included; a text counts once, and once more for
 * every 8 characters.
 */
export function sizeOf(json: unknown): number {
  let size = 0;
  const rest: unknown[] = [json];
  while (rest.length > 0) {
    const value = rest.pop();
    size += 1;
    if (typeof value === 'string') size += value.length >> 3;
    else if (Array.isArray(value)) for (const item of value) rest.push(item);
    else if (typeof value === 'object' && value !== null)
      for (const item of Object.values(value)) rest.push(item);
  }
  return size;
}

/** Pays for operations. @throws OverBudget */
export function spend(count: number): void {
  operationsLeft -= count;
  if (operationsLeft < 0) refuseOperations();
}

function refuseOperations(): void {
  if (isBounded) throw new OverBudget(`${operationsMax.toLocaleString('en')} operations`);
  operationsLeft = SMALL_MAX;
}

/** Pays for bytes that are put together or looked through. @throws OverBudget */
export function spendBytes(count: number): void {
  bytesLeft -= count;
  if (bytesLeft < 0) refuseBytes();
  if (count >= BYTES_AN_OPERATION) spend(Math.floor(count / BYTES_AN_OPERATION));
}

function refuseBytes(): void {
  if (isBounded) throw new OverBudget(`${BYTES_MAX / 1024 / 1024} MB of text and lists`);
  bytesLeft = SMALL_MAX;
}

/** Pays for a list of so many items. @throws OverBudget */
export function spendItems(count: number): void {
  spendBytes(count * ITEM_BYTES);
}

/** Pays for a value that JavaScript looks at as text or turns into a number. @throws OverBudget */
export function spendOn(value: unknown): void {
  if (typeof value === 'string') {
    if (value.length > TEXT_FREE) spendBytes(value.length);
  } else if (typeof value === 'object' && value !== null) spendBytes(textLength(value, 0));
}

/**
 * At least the length of the value as text. Each item is paid for where it is met, however often it
 * is in the list.
 */
function textLength(value: unknown, depth: number): number {
  if (typeof value === 'string') return value.length;
  if (!Array.isArray(value)) return TEXT_FREE;
  if (depth > TEXT_DEPTH_MAX) throw new OverBudget(`${TEXT_DEPTH_MAX} levels of lists as one text`);
  spend(value.length + 1);
  let length = value.length;
  for (const item of value) length += textLength(item, depth + 1);
  return length;
}
