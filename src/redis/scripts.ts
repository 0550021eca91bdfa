/**
 * scripts.ts – Loads the Lua scripts, and gives each one a typed call.
 *
 * Keeps true: a script is one atomic transition, its header is its contract, and every key it
 * touches is in KEYS; a full Redis carries out all of it or none; ioredis sends the digest and
 * loads the text again where the server has forgotten it (SCRIPT FLUSH, a fail-over).
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { assert } from '../errors.ts';

const FOLDER = new URL('./lua/', import.meta.url);

/** `commit-batch.lua` is the command `commitBatch`. */
function commandOf(file: string): string {
  return file
    .replace(/\.lua$/, '')
    .replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

export const SCRIPT_NAMES = [
  'acquirePartition',
  'advanceJob',
  'beginEpoch',
  'commitBatch',
  'deliverEntry',
  'expelOwner',
  'firstWebhooks',
  'foundDeployment',
  'foundPartition',
  'keepAnswer',
  'mendPartition',
  'noteTrying',
  'pushWebhooks',
  'readPartition',
  'readRows',
  'redeliverWebhooks',
  'releaseLease',
  'renewLease',
  'settleWebhook',
  'syncWebhooks',
  'weighFields',
  'writeCatalog',
] as const;
export type ScriptName = (typeof SCRIPT_NAMES)[number];

/**
 * What Redis lets a script do while its memory is full. By itself it would begin such a script and
 * refuse it at its first write that needs memory, after others went through: half a change. With a
 * first line `#!lua` a script is refused before it begins. A lease is kept all the same, and what
 * only reads is carried out.
 */
const WHEN_FULL: Partial<Record<ScriptName, 'allow-oom' | 'no-writes'>> = {
  acquirePartition: 'allow-oom',
  noteTrying: 'allow-oom',
  releaseLease: 'allow-oom',
  renewLease: 'allow-oom',
  firstWebhooks: 'no-writes',
  readPartition: 'no-writes',
  readRows: 'no-writes',
  weighFields: 'no-writes',
};

function firstLine(command: string): string {
  const flags = WHEN_FULL[command as ScriptName];
  return flags === undefined ? '#!lua' : `#!lua flags=${flags}`;
}

const texts = new Map<ScriptName, string>();

/** Makes every script a command of this connection. */
export function defineScripts(redis: Redis): void {
  for (const file of readdirSync(FOLDER)) {
    if (!file.endsWith('.lua')) continue;
    const command = commandOf(file);
    const text = readFileSync(new URL(file, FOLDER), 'utf8');
    const lua = `${firstLine(command)}\n${text}`;
    texts.set(command as ScriptName, lua);
    redis.defineCommand(command, { lua });
  }
}

type ScriptCall = (arguments_: readonly (string | number | Buffer)[]) => Promise<unknown>;

/**
 * Runs a script. Its arguments travel as one array: spread into the call, tens of thousands of them
 * overflow the stack.
 * @returns what the script's header says it returns.
 */
export async function runScript<Answer>(
  redis: Redis,
  name: ScriptName,
  keys: readonly string[],
  arguments_: readonly (string | number | Buffer)[] = [],
): Promise<Answer> {
  const call = (redis as unknown as Record<string, ScriptCall | undefined>)[name];
  assert(call, `the script ${name} was not defined on this connection`);
  const given = [keys.length, ...keys, ...arguments_];
  return (await call
    .call(redis, given)
    .catch((error: Error) => withText(redis, name, given, error))) as Answer;
}

/**
 * A full Redis refuses a text before it keeps it, and does not know the digest that another caller
 * has sent meanwhile: with the text it says what is wrong.
 */
async function withText(
  redis: Redis,
  name: ScriptName,
  given: (string | number | Buffer)[],
  error: Error,
) {
  if (!error.message.startsWith('NOSCRIPT')) throw error;
  return redis.call('EVAL', [texts.get(name)!, ...given]);
}
