/**
 * master-key.ts – The key that Rollcall makes for itself when it was given none.
 *
 * Keeps true: it is made once per data folder, readable by its owner only, and shown only when it
 * is made. A file appears whole or not at all, so two starts at once end with one key.
 */
import { randomInt } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config, Role } from '../config.ts';
import { CommandError } from './failure.ts';

export interface MasterKey {
  readonly key: string;
  readonly file: string;
  readonly isNew: boolean;
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_CHARACTERS = 32;
const KEY = /^rk_[0-9A-Za-z]{32}$/;

function keyFile(dataFolder: string): string {
  return join(dataFolder, 'master-key');
}

/** @throws CommandError */
export function readOrMakeMasterKey(dataFolder: string): MasterKey {
  const file = keyFile(dataFolder);
  const kept = readMasterKey(dataFolder);
  if (kept !== undefined) return { key: kept, file, isNew: false };
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const key = `rk_${randomCharacters()}`;
  if (writeOnce(file, `${key}\n`)) return { key, file, isNew: true };
  return { key: readMasterKey(dataFolder)!, file, isNew: false };
}

/**
 * @returns undefined if none was made yet. @throws CommandError if the file holds something else.
 */
function readMasterKey(dataFolder: string): string | undefined {
  const file = keyFile(dataFolder);
  let key: string;
  try {
    key = readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CommandError(`The master key can not be read: ${(error as Error).message}.`);
  }
  if (KEY.test(key)) return key;
  throw new CommandError(
    `${file} does not hold a master key. Remove it, and the next start makes one.`,
  );
}

/**
 * A key of one of these roles: one of the configuration, else the one that the server made. @throws
 * CommandError
 */
export function keyFor(config: Config, roles: readonly Role[]): string {
  const configured =
    config.keys.find(({ role }) => roles.includes(role))?.key ?? readMasterKey(config.dataFolder);
  if (configured !== undefined) return configured;
  throw new CommandError(
    'No key: give one with --key, or set ROLLCALL_KEYS or ROLLCALL_DATA as for the ' +
      `server (${keyFile(config.dataFolder)} is not there).`,
  );
}

function randomCharacters(): string {
  return Array.from({ length: RANDOM_CHARACTERS }, () => ALPHABET[randomInt(ALPHABET.length)]).join(
    '',
  );
}

/** @returns false if the file is there already. */
function writeOnce(file: string, content: string): boolean {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, content, { mode: 0o600 });
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    unlinkSync(draft);
  }
}
