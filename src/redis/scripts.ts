/**
 * scripts.ts – Loads the Lua scripts, and gives each one a typed call by names.
 *
 * Keeps true: a script is one atomic transition, its header is its contract, and every key it
 * touches is in KEYS. A full Redis carries out all of it or none. ioredis sends the digest, and
 * loads the text again where the server has forgotten it (SCRIPT FLUSH, a fail-over).
 */
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { assert } from '../errors.ts';
import {
  type AnswerOf,
  type ArgumentOf,
  type KeyOf,
  type ScriptName,
  SIGNATURES,
  type Signature,
} from './script-signatures.ts';

const FOLDER = new URL('./lua/', import.meta.url);

export type ScriptArgument = string | number | Buffer;

/** The command `commitBatch` is `commit-batch.lua`. */
function fileOf(name: ScriptName): URL {
  return new URL(`${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}.lua`, FOLDER);
}

/** How Lua spells a name of the table. */
export function luaName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const texts = new Map<ScriptName, string>();

/**
 * The first line declares to Redis what the script may do, the second one names its keys and
 * arguments. `more_keys` and `more` are where those begin that have no name.
 */
function luaOf(name: ScriptName, text: string): string {
  const { keys, arguments: given, whenFull }: Signature<unknown, string, string> = SIGNATURES[name];
  const flags = whenFull === undefined ? '' : ` flags=${whenFull}`;
  const locals = [
    ...keys.map((each, at) => `local ${luaName(each)} = KEYS[${at + 1}]`),
    ...given.map((each, at) => `local ${luaName(each)} = ARGV[${at + 1}]`),
    `local more_keys, more = ${keys.length + 1}, ${given.length + 1}`,
  ];
  return `#!lua${flags}\n${locals.join(' ')}\n${text}`;
}

/** Makes every script a command of this connection. */
export function defineScripts(redis: Redis): void {
  for (const name of Object.keys(SIGNATURES) as ScriptName[]) {
    const lua = luaOf(name, readFileSync(fileOf(name), 'utf8'));
    texts.set(name, lua);
    redis.defineCommand(name, { lua });
  }
}

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
  const signature: Signature<unknown, string, string> = SIGNATURES[name];
  const named = signature.keys.map((key) => (keys as Record<string, string>)[key]!);
  const values = signature.arguments.map(
    (each) => (given as Record<string, ScriptArgument>)[each]!,
  );
  return sendScript(
    redis,
    name,
    more.keys === undefined ? named : named.concat(more.keys),
    more.arguments === undefined ? values : values.concat(more.arguments),
  );
}

type ScriptCall = (arguments_: readonly ScriptArgument[]) => Promise<unknown>;

/**
 * Runs a script whose keys and arguments are in order already: a commit is packed once.
 * They travel as one array: spread into the call, tens of thousands overflow the stack.
 */
export async function sendScript<Name extends ScriptName>(
  redis: Redis,
  name: Name,
  keys: readonly string[],
  arguments_: readonly ScriptArgument[],
): Promise<AnswerOf<Name>> {
  const call = (redis as unknown as Record<string, ScriptCall | undefined>)[name];
  assert(call, `the script ${name} was not defined on this connection`);
  const sent = [keys.length, ...keys, ...arguments_];
  const answer = await call
    .call(redis, sent)
    .catch((error: Error) => withText(redis, name, sent, error));
  const { answers }: Signature<unknown, string, string> = SIGNATURES[name];
  return (answers === 'fields' ? fieldsOf(answer as unknown[]) : answer) as AnswerOf<Name>;
}

/** Names and values in turn. */
function fieldsOf(flat: readonly unknown[]): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (let at = 0; at + 1 < flat.length; at += 2) fields[flat[at] as string] = flat[at + 1];
  return fields;
}

/**
 * A full Redis refuses a text before it keeps it, and does not know the digest that another caller
 * has sent meanwhile. With the text its answer names the fault.
 */
async function withText(redis: Redis, name: ScriptName, sent: ScriptArgument[], error: Error) {
  if (!error.message.startsWith('NOSCRIPT')) throw error;
  return redis.call('EVAL', [texts.get(name)!, ...sent]);
}
