/**
 * commit-commands.ts – Commands that a script carries out all at once, as KEYS and ARGV: those of a
 * commit, and of a change of the history.
 *
 * Keeps true: every key that a command names is in KEYS, once; no command has more arguments than
 * Lua can unpack.
 */
/**
 * Lua's unpack fails near 8000 arguments (test/lua/commit-batch.test.ts tries both sides). Even, so
 * that pairs stay together.
 */
export const COMMAND_ARGUMENTS_MAX = 5000;

/** KEYS and ARGV of a script of commands. KEYS begin with those that it names itself. */
export class CommitCommands {
  readonly keys: string[];
  readonly arguments: (string | number)[];
  readonly #indexes = new Map<string, number>();

  constructor(named: readonly string[], header: (string | number)[] = []) {
    this.keys = [...named];
    this.arguments = header;
    for (const [at, key] of named.entries()) this.#indexes.set(key, at + 1);
  }

  /** Whether some command names it. */
  names(key: string): boolean {
    return this.#indexes.has(key);
  }

  keyIndex(key: string): number {
    let index = this.#indexes.get(key);
    if (index === undefined) {
      index = this.keys.push(key);
      this.#indexes.set(key, index);
    }
    return index;
  }

  /** Adds one command, or several if it has too many arguments; none if it has none. */
  add(verb: string, key: string, given: readonly (string | number)[]): void {
    for (let from = 0; from < given.length; from += COMMAND_ARGUMENTS_MAX) {
      const some =
        given.length <= COMMAND_ARGUMENTS_MAX
          ? given
          : given.slice(from, from + COMMAND_ARGUMENTS_MAX);
      this.arguments.push(verb, this.keyIndex(key), some.length);
      for (const argument of some) this.arguments.push(argument);
    }
  }

  /** A command whose arguments belong together whatever their number, or that has none. */
  addWhole(verb: string, key: string, ...given: (string | number)[]): void {
    this.arguments.push(verb, this.keyIndex(key), given.length, ...given);
  }
}
