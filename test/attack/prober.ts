/**
 * prober.ts – Asks a server again and again whether it is alive, from a process of its own, until
 * its input ends.
 *
 * Keeps true: what slows down the test that attacks does not count as the server's; a request that
 * fails counts as one that took for ever. Says one line: the latencies in ms, as JSON. Usage:
 * `prober.ts URL`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';

const PAUSE_MS = 5;
const FAILED_MS = 1e6;

const url = new URL(process.argv[2]!);
const pool = new Pool(url.origin, { connections: 1 });
const latencies: number[] = [];
let isDone = false;
process.stdin.resume().on('end', () => {
  isDone = true;
});

async function probe(): Promise<number> {
  const startedMs = performance.now();
  try {
    const { statusCode, body } = await pool.request({ method: 'GET', path: url.pathname });
    await body.dump();
    return statusCode === 200 ? performance.now() - startedMs : FAILED_MS;
  } catch {
    return FAILED_MS;
  }
}

while (!isDone) {
  latencies.push(await probe());
  await sleep(PAUSE_MS);
}
await pool.close();
process.stdout.write(`${JSON.stringify(latencies)}\n`);
