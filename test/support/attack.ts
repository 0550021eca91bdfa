/**
 * attack.ts – Watches a server while it is attacked: a prober (test/attack/prober.ts) asks
 * `/healthz` from a process of its own.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROBER = fileURLToPath(new URL('../attack/prober.ts', import.meta.url));

export interface Health {
  readonly probes: number;
  /** Requests that failed or were answered otherwise than with 200. */
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface Watch {
  /** Ends the watch. */
  health(): Promise<Health>;
}

/** Begins to ask the server whether it is alive. */
export function watch(serverUrl: string): Watch {
  const child = spawn(process.execPath, ['--import', 'tsx', PROBER, `${serverUrl}/healthz`]);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  child.stderr.pipe(process.stderr);
  return {
    health: async () => {
      child.stdin.end();
      await once(child, 'close');
      return healthOf(JSON.parse(said) as number[]);
    },
  };
}

function healthOf(latencies: readonly number[]): Health {
  const sorted = [...latencies].sort((a, b) => a - b);
  const at = (share: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 1e6);
  const failed = latencies.filter((ms) => ms >= 1e6).length;
  return { probes: latencies.length, failed, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}
