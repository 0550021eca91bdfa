/**
 * scripts.ts – Loads the Lua scripts, and gives each one a typed call by names.
 *
 * Keeps true: a script is one atomic transition, its header is its contract, and every key it
 * touches is in KEYS. A full Redis carries out all of it or none. Its digest is sent, and its text
 * where the server does not know it: the first time, after SCRIPT FLUSH, after a fail-over.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type ChainableCommander, Command, type Redis } from 'ioredis';
import {
  type AnswerOf,
  type ArgumentOf,
  type KeyOf,
  type ScriptName,
  SIGNATURES,
  type Signature,
} from './script-signatures.ts';
import { type WireArgument, wireOf } from './wire.ts';

const FOLDER = new URL('./lua/', import.meta.url);

export type ScriptArgument = WireArgument;

/** The command `commitBatch` is `commit-batch.lua`. */
function fileOf(name: ScriptName): URL {
  return new URL(`${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}.lua`, FOLDER);
}

/** How Lua spells a name of the table. */
export function luaName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/**
 * The first line declares to Redis what the script may do, the second one names its keys and
 * arguments. `more_keys` and `more` are where those begin that have no name. Then comes what it
 * shares with other scripts.
 */
function luaOf(name: ScriptName, text: string): string {
  const signature: Signature<unknown, string, string> = SIGNATURES[name];
  const { keys, arguments: given, whenFull, includes = [] } = signature;
  const flags = whenFull === undefined ? '' : ` flags=${whenFull}`;
  const locals = [
    ...keys.map((each, at) => `local ${luaName(each)} = KEYS[${at + 1}]`),
    ...given.map((each, at) => `local ${luaName(each)} = ARGV[${at + 1}]`),
    `local more_keys, more = ${keys.length + 1}, ${given.length + 1}`,
  ];
  const shared = includes.map((each) =>
    readFileSync(new URL(`includes/${each}.lua`, FOLDER), 'utf8'),
  );
  return [`#!lua${flags}`, locals.join(' '), ...shared, text].join('\n');
}

interface Script {
  readonly text: string;
  /** Redis knows it by this. */
  readonly digest: string;
}

function load(name: ScriptName): Script {
  const text = luaOf(name, readFileSync(fileOf(name), 'utf8'));
  return { text, digest: createHash('sha1').update(text).digest('hex') };
}

const names = Object.keys(SIGNATURES) as ScriptName[];
const SCRIPTS = Object.fromEntries(names.map((name) => [name, load(name)])) as Readonly<
  Record<ScriptName, Script>
>;

/** The keys and arguments that follow the named ones. */
export interface More {
  readonly keys?: readonly string[];
  readonly arguments?: readonly ScriptArgument[];
}

/** Runs a script. `keys` may hold others besides those that the script names. */
export function runScript<Name extends ScriptName>(
  redis: Redis,
  name: Name,
  keys: Readonly<Record<KeyOf<Name>, string>>,
  given: Readonly<Record<ArgumentOf<Name>, ScriptArgument>>,
  more: More = {},
): Promise<AnswerOf<Name>> {
  const [named, values] = inOrder(name, keys, given, more);
  return sendScript(redis, name, named, values);
}

/** Keys and arguments, as the script takes them. */
export function inOrder<Name extends ScriptName>(
  name: Name,
  keys: Readonly<Record<KeyOf<Name>, string>>,
  given: Readonly<Record<ArgumentOf<Name>, ScriptArgument>>,
  more: More = {},
): [string[], ScriptArgument[]] {
  const signature: Signature<unknown, string, string> = SIGNATURES[name];
  const named = signature.keys.map((key) => (keys as Record<string, string>)[key]!);
  const values = signature.arguments.map(
    (each) => (given as Record<string, ScriptArgument>)[each]!,
  );
  return [
    more.keys === undefined ? named : named.concat(more.keys),
    more.arguments === undefined ? values : values.concat(more.arguments),
  ];
}

/**
 * EVALSHA, written for the wire by us. ioredis looks at the name and the keys; it copies a list of
 * arguments four times, and measures each.
 */
class ScriptCommand extends Command {
  readonly #wire: Buffer;

  constructor(digest: string, keys: readonly string[], given: readonly ScriptArgument[]) {
    const head = [digest, String(keys.length)];
    super('evalsha', head.concat(keys), { replyEncoding: 'utf8' });
    this.#wire = wireOf([this.name], head, keys, given);
  }

  override toWritable(): Buffer {
    return this.#wire;
  }
}

/** Runs a script whose keys and arguments are in order already: a commit is packed once. */
export async function sendScript<Name extends ScriptName>(
  redis: Redis,
  name: Name,
  keys: readonly string[],
  given: readonly ScriptArgument[],
): Promise<AnswerOf<Name>> {
  const { text, digest } = SCRIPTS[name];
  const command = new ScriptCommand(digest, keys, given);
  const sent = redis.sendCommand(command) as Promise<unknown>;
  const answer = await sent.catch((error: Error) => {
    // The server has never seen it, or has forgotten it.
    if (!error.message.startsWith('NOSCRIPT')) throw error;
    return redis.call('EVAL', [text, keys.length, ...keys, ...given]);
  });
  return answerOfScript(name, answer);
}

/** What a script has answered, also within a transaction. */
export function answerOfScript<Name extends ScriptName>(
  name: Name,
  answer: unknown,
): AnswerOf<Name> {
  const { answers }: Signature<unknown, string, string> = SIGNATURES[name];
  return (answers === 'fields' ? fieldsOf(answer as unknown[]) : answer) as AnswerOf<Name>;
}

/**
 * Adds a script to a transaction, which answers with what the script answers. By its text: what a
 * server has forgotten would break the transaction off.
 */
export function addScript(
  transaction: ChainableCommander,
  name: ScriptName,
  keys: readonly string[],
  given: readonly ScriptArgument[],
): void {
  transaction.eval(SCRIPTS[name].text, keys.length, ...keys, ...given);
}

/** Names and values in turn. */
function fieldsOf(flat: readonly unknown[]): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (let at = 0; at + 1 < flat.length; at += 2) fields[flat[at] as string] = flat[at + 1];
  return fields;
}
