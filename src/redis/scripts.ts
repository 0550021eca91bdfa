/**
 * scripts.ts – Loads the Lua scripts, and gives each one a typed call.
 *
 * Keeps true: a script is one atomic transition, its header is its contract, and every key it touches is in KEYS; ioredis
 * sends the digest and loads the text again where the server has forgotten it (SCRIPT FLUSH, a fail-over).
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { assert } from '../errors.ts';

const FOLDER = new URL('./lua/', import.meta.url);

/** `commit-batch.lua` is the command `commitBatch`. */
function commandOf(file: string): string {
  return file.replace(/\.lua$/, '').replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

export const SCRIPT_NAMES = [
  'acquirePartition',
  'advanceJob',
  'beginGeneration',
  'commitBatch',
  'deliverEntry',
  'expelOwner',
  'foundDeployment',
  'foundPartition',
  'mendPartition',
  'pushWebhooks',
  'readPartition',
  'redeliverWebhooks',
  'releaseLease',
  'renewLease',
  'settleWebhook',
  'syncWebhooks',
  'writeCatalog',
] as const;
export type ScriptName = (typeof SCRIPT_NAMES)[number];

/** Makes every script a command of this connection. */
export function defineScripts(redis: Redis): void {
  for (const file of readdirSync(FOLDER)) {
    if (file.endsWith('.lua'))
      redis.defineCommand(commandOf(file), { lua: readFileSync(new URL(file, FOLDER), 'utf8') });
  }
}

type ScriptCall = (arguments_: readonly (string | number | Buffer)[]) => Promise<unknown>;

/**
 * Runs a script. Its arguments travel as one array: spread into the call, tens of thousands of them overflow the stack.
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
  return (await call.call(redis, [keys.length, ...keys, ...arguments_])) as Answer;
}
