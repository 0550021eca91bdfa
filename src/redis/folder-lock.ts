/**
 * folder-lock.ts – A data folder has one owner at a time.
 *
 * Keeps true: the owner is who wrote the file `owner.<n>` with the highest n. Such a file appears
 * whole or not at all (`link` of a finished file, refused if the name exists). n only grows, and
 * the highest file is never deleted, only emptied on release. So of two processes that both find a
 * dead owner only one becomes the next, whenever the other wakes up. Each looks again after it has
 * made its file, and steps back before a higher one.
 *
 * Node has no `flock`; a plain file with a pid can be taken over by two at once (each deletes what
 * it believes is the dead owner's).
 */
import {
  linkSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  type Stats,
  statSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning, noteProcess, type ProcessNote } from './process-life.ts';
import { FolderInUseError, RedisServerError } from './server-error.ts';

export interface FolderLock {
  /** Gives the folder free; a second call does nothing. */
  release(): void;
}

interface Owner extends ProcessNote {
  /** Where the folder was. A copy of it holds the file, too. */
  readonly folder?: string;
  /**
   * Where the pid has a meaning: host and pid namespace. Two containers that share a volume are two
   * places.
   */
  readonly place: string;
}

const heartbeatMs = 1_000;
// An owner in another container can't be looked up by its pid: it counts as dead when its file was
// not touched for so long.
const silenceMs = 10_000;
const attemptsMax = 20;

/** Makes this process the owner of the folder, or throws and names who owns it. */
export async function lockFolder(folder: string): Promise<FolderLock> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const newest = newestGeneration(folder);
    const owner = newest === 0 ? undefined : readOwner(ownerFile(folder, newest));
    if (owner && (await isAlive(owner, ownerFile(folder, newest)))) {
      throw isElsewhere(owner, folder)
        ? copied(owner, folder, ownerFile(folder, newest))
        : heldBy(owner, folder);
    }
    if (claim(folder, newest + 1)) return hold(folder, newest + 1);
  }
  throw new RedisServerError(
    `The data folder ${folder} is being claimed by several processes at once; start one of them.`,
  );
}

function heldBy(owner: Owner, folder: string): FolderInUseError {
  const where = owner.place === ownPlace() ? '' : ` on ${owner.place}`;
  return new FolderInUseError(
    `The data folder ${folder} is in use by process ${owner.pid}${where}. Stop that ` +
      'one first, or give this one a folder of its own with ROLLCALL_DATA.',
  );
}

/** Whether the folder that the owner works with is there, and is another one. */
function isElsewhere({ folder: owned }: Owner, folder: string): boolean {
  const [theirs, ours] = [owned, folder].map(
    (path) => path && statSync(path, { throwIfNoEntry: false }),
  );
  return Boolean(theirs && ours) && (theirs as Stats).ino !== (ours as Stats).ino;
}

function copied(owner: Owner, folder: string, file: string): RedisServerError {
  return new RedisServerError(
    `The data folder ${folder} is a copy of ${owner.folder}, made while process ` +
      `${owner.pid} was working with that: what it holds ` +
      'may be torn. Stop that process and copy again. Or, if you know the copy to ' +
      `be whole, remove ${file} and start again.`,
  );
}

function claim(folder: string, generation: number): boolean {
  const draft = join(folder, `owner-draft.${process.pid}.${generation}`);
  writeFileSync(draft, JSON.stringify({ ...ownNote(), folder }), { mode: 0o600 });
  try {
    linkSync(draft, ownerFile(folder, generation));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    unlinkSync(draft);
  }
  if (newestGeneration(folder) === generation) return true;
  unlinkSync(ownerFile(folder, generation));
  return false;
}

function hold(folder: string, generation: number): FolderLock {
  for (const older of generations(folder))
    if (older < generation) removeQuietly(ownerFile(folder, older));
  const file = ownerFile(folder, generation);
  const heartbeat = setInterval(() => touch(file), heartbeatMs).unref();
  let released = false;
  return {
    release() {
      if (released) return;
      released = true;
      clearInterval(heartbeat);
      emptyQuietly(file);
    },
  };
}

async function isAlive(owner: Owner, file: string): Promise<boolean> {
  return owner.place === ownPlace() ? isRunning(owner) : showsHeartbeat(file);
}

/**
 * Compares the file's time with itself, not with our clock: the two places may not agree on the
 * time.
 */
async function showsHeartbeat(file: string): Promise<boolean> {
  const before = touchedAt(file);
  const deadline = Date.now() + silenceMs;
  while (Date.now() < deadline) {
    await sleep(heartbeatMs / 4);
    if (touchedAt(file) !== before) return true;
  }
  return false;
}

function generations(folder: string): number[] {
  return readdirSync(folder).flatMap((name) => {
    const match = /^owner\.(\d+)$/.exec(name);
    return match ? [Number(match[1])] : [];
  });
}

/** 0 if the folder never had an owner. */
function newestGeneration(folder: string): number {
  return generations(folder).reduce((newest, generation) => Math.max(newest, generation), 0);
}

/** Undefined for a file that its owner emptied, or that was replaced since it was listed. */
function readOwner(file: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

function ownNote(): Owner {
  const note = noteProcess(process.pid) ?? { pid: process.pid, started: 'unknown' };
  return { ...note, place: ownPlace() };
}

function ownPlace(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

function ownerFile(folder: string, generation: number): string {
  return join(folder, `owner.${generation}`);
}

function touchedAt(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

// The three below run while another process may remove the folder (tests, an operator): what is
// gone needs no care.
function touch(file: string): void {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {}
}

function removeQuietly(file: string): void {
  try {
    unlinkSync(file);
  } catch {}
}

function emptyQuietly(file: string): void {
  try {
    truncateSync(file);
  } catch {}
}
