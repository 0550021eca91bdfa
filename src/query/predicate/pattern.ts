/**
 * pattern.ts – Regular expressions in the syntax of RE2, which are tested in linear time.
 *
 * Keeps true: the time of a test follows from the size of the pattern and the length of the text
 * alone, and both are known before it runs. A compiled pattern is kept as long as a test uses it:
 * so as many are kept as there are in segments, each once in a process.
 */
import { RE2JS, RE2JSException, RE2Set } from 're2js';
import type { Refusal } from './text-tests.ts';

/** Measured: what has so many characters compiles in 0.2 s at worst, before its size is known. */
export const PATTERN_LENGTH_MAX = 500;
/** Instructions of its program: `[0-9]{3}` has five. */
const PATTERN_SIZE_MAX = 2_000;
/**
 * What its automaton may remember. Past that it starts again, or goes on without one. Measured: one
 * character then takes 6 to 40 ns for each instruction, instead of 2 to 20 ns in all.
 */
const AUTOMATON_BYTES_MAX = 256 * 1024;
/** An operation (budget.ts) is 2 to 10 ns. */
const OPERATIONS_A_STEP = 2;

/** Said of a whole pattern, at its beginning. */
const CASELESS = '(?i)';

/** The pattern where case does not count: its escapes (`\D`) stay as they are. */
export function caselessPattern(pattern: string): string {
  return `${CASELESS}${pattern}`;
}

/** Why the text is no pattern that can be tested, in the words of the library. */
export function refusePattern(pattern: string): Refusal | undefined {
  const length = pattern.length - (pattern.startsWith(CASELESS) ? CASELESS.length : 0);
  if (length > PATTERN_LENGTH_MAX) {
    const why = `a pattern has at most ${PATTERN_LENGTH_MAX} characters, and this has ${length}`;
    return { why, costs: false };
  }
  const compiled = compiledOf(pattern);
  if (compiled instanceof RE2JSException) return { why: compiled.message, costs: false };
  if (compiled.size <= PATTERN_SIZE_MAX) return undefined;
  const [size, most] = [compiled.size, PATTERN_SIZE_MAX].map((count) => count.toLocaleString('en'));
  return {
    why: `the pattern is a program of ${size} steps; at most ${most} are taken`,
    costs: true,
  };
}

/** The operations that a test of so many characters takes at worst; 0 of what is no pattern. */
export function patternCost(pattern: string): (characters: number) => number {
  const compiled = compiledOf(pattern);
  const size = compiled instanceof RE2JSException ? 0 : compiled.size;
  return (characters) => OPERATIONS_A_STEP * size * characters;
}

/** Whether the pattern matches anywhere in a text. What is refused matches nothing. */
export function patternTest(pattern: string): (text: string) => boolean {
  const compiled = compiledOf(pattern);
  if (compiled instanceof RE2JSException || compiled.size > PATTERN_SIZE_MAX) return () => false;
  return (text) => compiled.test(text);
}

class CompiledPattern {
  /** The instructions of its program. */
  readonly size: number;
  readonly #pattern: string;
  #automaton: RE2Set | undefined;

  /** @throws RE2JSException */
  constructor(pattern: string) {
    this.#pattern = pattern;
    this.size = RE2JS.compile(pattern).programSize();
  }

  test(text: string): boolean {
    this.#automaton ??= this.#compile();
    return this.#automaton.match(text).length > 0;
  }

  /** A set of one: alone among the engines of the library its automaton takes a bound of memory. */
  #compile(): RE2Set {
    const set = new RE2Set(RE2Set.UNANCHORED, 0, AUTOMATON_BYTES_MAX);
    set.add(this.#pattern);
    set.compile();
    return set;
  }
}

/** Those that a test still uses: partitions of one process share one. */
const known = new Map<string, WeakRef<CompiledPattern>>();
const forgotten = new FinalizationRegistry((pattern: string) => {
  if (known.get(pattern)?.deref() === undefined) known.delete(pattern);
});

function compiledOf(pattern: string): CompiledPattern | RE2JSException {
  const held = known.get(pattern)?.deref();
  if (held) return held;
  try {
    const compiled = new CompiledPattern(pattern);
    known.set(pattern, new WeakRef(compiled));
    forgotten.register(compiled, pattern);
    return compiled;
  } catch (error) {
    if (error instanceof RE2JSException) return error;
    throw error;
  }
}

/** How many compiled patterns are known: those that a test uses, until memory is short. */
export function patternsKnown(): number {
  return known.size;
}
