/**
 * process-life.ts – Checks whether the process of a note is still the one that runs.
 *
 * Keeps true: a process is known by its pid *and* the moment it began. So a reused pid is never
 * taken for the process that had it before. A zombie counts as ended: it holds no file and serves
 * no client.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ProcessNote {
  readonly pid: number;
  /**
   * Opaque; equal for two notes of one process, different for two processes that had the same pid.
   */
  readonly started: string;
}

const pollMs = 25;

/** A note of the process that runs under this pid now, or undefined if none does. */
export function noteProcess(pid: number): ProcessNote | undefined {
  const started = process.platform === 'linux' ? startedOnLinux(pid) : startedByPs(pid);
  return started === undefined ? undefined : { pid, started };
}

export function isRunning(note: ProcessNote): boolean {
  return noteProcess(note.pid)?.started === note.started;
}

/** Waits until the process has ended; false if it still runs after `timeoutMs`. */
export async function waitForEnd(note: ProcessNote, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (isRunning(note)) {
    if (Date.now() >= deadline) return false;
    await sleep(pollMs);
  }
  return true;
}

/**
 * The boot and the clock tick at which the process began: ticks alone start again with each boot.
 */
function startedOnLinux(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The command's name may hold blanks and brackets: fields are counted from the last bracket (the
  // state is field 3).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ended = fields[0] === 'Z' || fields[0] === 'X';
  return ended ? undefined : `${bootId()}/${fields[22 - 3]}`;
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'boot';
  }
}

function startedByPs(pid: number): string | undefined {
  const ps = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
  if (ps.error === undefined) return ps.stdout.trim() || undefined;
  return answersSignals(pid) ? 'running' : undefined;
}

function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
