/**
 * victims.ts – Starts workers that die of a record, one after the other, as whoever looks after a
 * service does.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { VictimOrder } from './victim.ts';

const VICTIM = fileURLToPath(new URL('./victim.ts', import.meta.url));
const HEAP_MB = 128;

export interface Victims {
  /** How often one has died by itself. */
  readonly deaths: number;
  readonly child: ChildProcess;
  /** Ends the one that lives as the kernel does, and starts another. */
  kill9(): Promise<void>;
  stop(): Promise<void>;
}

/** Restarts the worker whenever it ends, until it is stopped. */
export function startVictims(order: VictimOrder): Victims {
  let deaths = 0;
  let isStopping = false;
  let isKilled = false;
  let ended: Promise<void>;
  let child: ChildProcess;
  const start = () => {
    child = spawn(
      process.execPath,
      [`--max-old-space-size=${HEAP_MB}`, '--import', 'tsx', VICTIM],
      {
        env: { ...process.env, VICTIM: JSON.stringify(order) },
        stdio: ['ignore', 'ignore', process.env['LOG_LEVEL'] ? 'inherit' : 'ignore'],
      },
    );
    ended = new Promise((resolve) => {
      child.once('exit', () => {
        if (!isKilled && !isStopping) deaths++;
        isKilled = false;
        if (!isStopping) start();
        resolve();
      });
    });
  };
  start();
  return {
    get deaths() {
      return deaths;
    },
    get child() {
      return child;
    },
    kill9: () => {
      isKilled = true;
      const before = ended;
      child.kill('SIGKILL');
      return before;
    },
    stop: () => {
      isStopping = true;
      child.kill('SIGTERM');
      return ended;
    },
  };
}
