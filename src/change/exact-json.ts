/**
 * exact-json.ts – Reads JSON text, and refuses numbers whose digits would not come back.
 *
 * Keeps true: a number is taken exactly when the decimal that is written equals the shortest
 * decimal of the double that it reads as. So what is stored and returned is the number that was
 * sent. `1.10`, `1e2` and `100000000000000000000` are; `9007199254740993`, `0.1234567890123456789`,
 * `1e400` and `1e-400` are not. Digits in strings are not looked at here.
 */
import { type Fault, Problem, pointer } from '../errors.ts';

/**
 * Whether the text may hold such a number. Up to 15 significant digits come back from every double,
 * so only a number of at least 16 characters or with an exponent is suspect. Runs over every line
 * that is taken in, and seldom finds anything.
 */
const SUSPECT = /[[:, \n\r\t]-?\d(?:[\d.]{15}|[\d.]*[eE])/;
/** A text that is a number and nothing else. */
const BARE = /^[-\d]/;

/**
 * A number, where a string begins, or a sign of structure; what stands between is blank, or true,
 * false and null.
 */
const TOKEN = /-?\d[\d.]*(?:[eE][-+]?\d+)?|["[\]{},]/g;

const FAULTS_MAX = 20;

/**
 * Reads JSON.
 * @throws SyntaxError if it is none
 * @throws Problem number_inexact with the pointer of each number that would be altered
 */
export function readExactJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  const faults = inexactNumbers(text);
  if (faults.length > 0) throw inexactProblem(faults);
  return value;
}

export function inexactProblem(faults: readonly Fault[]): Problem {
  return new Problem('number_inexact', faults[0]!.detail, faults);
}

/**
 * The first numbers in a JSON text that would be altered, with their pointers. Caller: `JSON.parse`
 * takes the text.
 * @param isKept whether what is at a pointer is kept at all
 */
export function inexactNumbers(
  text: string,
  isKept: (path: string) => boolean = () => true,
): Fault[] {
  if (!isSuspect(text)) return [];
  const faults: Fault[] = [];
  for (const fault of searchInexact(text)) {
    if (isKept(fault.path) && faults.push(fault) === FAULTS_MAX) break;
  }
  return faults;
}

/** False: no number in the text would be altered. */
export function isSuspect(text: string): boolean {
  return SUSPECT.test(text) || BARE.test(text);
}

/** Where the search is: in lists at an index, in objects at a name once it has been read. */
type Container = { at: number } | { name: string | undefined };

/**
 * All of those numbers, in their order, each searched for when it is asked for. Caller:
 * `JSON.parse` takes the text.
 */
function* searchInexact(text: string): Generator<Fault, undefined> {
  const within: Container[] = [];
  const tokens = new RegExp(TOKEN);
  for (let found = tokens.exec(text); found; found = tokens.exec(text)) {
    const [token] = found;
    const container = within.at(-1);
    if (token === '[') within.push({ at: 0 });
    else if (token === '{') within.push({ name: undefined });
    else if (token === ']' || token === '}') within.pop();
    else if (token === ',') goOn(container!);
    else if (token === '"') {
      tokens.lastIndex = endOfString(text, found.index);
      if (isNameNext(container))
        container.name = JSON.parse(text.slice(found.index, tokens.lastIndex)) as string;
    } else if (!isExactNumber(token)) yield { path: pathOf(within), detail: inexactDetail(token) };
  }
}

/** After the closing quote. By hand: a pattern exhausts the stack at some million escapes. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); ; quote = text.indexOf('"', quote + 1)) {
    let escapes = 0;
    while (text[quote - 1 - escapes] === '\\') escapes += 1;
    if (escapes % 2 === 0) return quote + 1;
  }
}

/** The first string of a member is its name; the second one is a value. */
function isNameNext(container: Container | undefined): container is { name: string | undefined } {
  return container !== undefined && 'name' in container && container.name === undefined;
}

/**
 * Tells of the items of a list what must be refused in them, one after the other.
 * @param text of the list; undefined: nothing
 */
export function inexactItems(text: string | undefined): (index: number) => Problem | undefined {
  const found = text === undefined ? [].values() : searchInexact(text);
  let next = found.next();
  return (index) => {
    const faults: Fault[] = [];
    for (; !next.done; next = found.next()) {
      const [, item, path] = /^\/(\d+)(.*)$/s.exec(next.value.path)!;
      if (Number(item) > index) break;
      if (Number(item) === index && faults.length < FAULTS_MAX)
        faults.push({ ...next.value, path: path! });
    }
    return faults.length > 0 ? inexactProblem(faults) : undefined;
  };
}

function goOn(container: Container): void {
  if ('at' in container) container.at += 1;
  else container.name = undefined;
}

/**
 * No deeper than what is taken in may be: of brackets without end a pointer would be as long as
 * they are.
 */
const LEVELS_MAX = 100;

function pathOf(within: readonly Container[]): string {
  return within
    .slice(0, LEVELS_MAX)
    .reduce((path, part) => pointer(path, 'at' in part ? part.at : part.name!), '');
}

/**
 * Whether the number comes back as it is written, but for its form: `1.10` is 1.1. Caller: it is a
 * number as JSON writes it, or `.5`, `+5`, `5.`.
 */
export function isExactNumber(text: string): boolean {
  const value = Number(text);
  return Number.isFinite(value) && decimalOf(text) === decimalOf(String(value));
}

/**
 * The digits without zeros at either end, and the power of ten of the last one: the same for the
 * same decimal.
 */
function decimalOf(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^([-+]?)(\d*)\.?(\d*)(?:[eE]([-+]?\d+))?$/.exec(text)!;
  const digits = withoutLeadingZeros(whole + fraction);
  const significant = withoutTrailingZeros(digits);
  if (significant === '') return '0';
  const power = Number(exponent) - fraction.length + digits.length - significant.length;
  return `${sign === '-' ? '-' : ''}${significant}e${power}`;
}

// By hand: a pattern of zeros at the end is tried at each run of zeros, which is quadratic in a
// megabyte of them.

function withoutLeadingZeros(digits: string): string {
  let start = 0;
  while (digits[start] === '0') start += 1;
  return digits.slice(start);
}

function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (digits[end - 1] === '0') end -= 1;
  return digits.slice(0, end);
}

const SHOWN_LENGTH_MAX = 60;

/** Says what would become of a number, and what to do: it may be written as JSON's, or as text. */
export function inexactDetail(number: string, isText = false): string {
  const text = number.length > SHOWN_LENGTH_MAX ? `${number.slice(0, SHOWN_LENGTH_MAX)}…` : number;
  const value = Number(number);
  const kept = Number.isFinite(value)
    ? `it would be kept as ${value}`
    : 'it is beyond what a double holds';
  const instead = isText
    ? 'round it, or declare a string'
    : `send it as a string, "${text}", or rounded`;
  return `${text} has more digits than a number keeps (${kept}); ${instead}`;
}
