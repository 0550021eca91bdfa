/**
 * health.ts – Checks that Redis answers, and that it takes writes: all the time, on a connection of
 * its own.
 *
 * Keeps true: `silentMs` counts only time in which this process could have read an answer. So a
 * process that was busy, or stopped, takes no server for dead. The last known state of Redis is at
 * most a few seconds old while it answers.
 */
import type { Redis } from 'ioredis';
import { openConnection } from './connection.ts';

const TICK_MS = 100;
/** A tick that comes late shows that this process was late, not that Redis was. */
const COUNTED_TICK_MAX_MS = 2 * TICK_MS;
const TICKS_A_LOOK = 10;
/**
 * Silence that is no longer a slow command or a pause of the network: no caller is kept waiting for
 * its end.
 */
export const SILENT_MS = 600;

const MEGABYTE = 1024 * 1024;

export class RedisHealth {
  readonly #redis: Redis;
  readonly #timer: NodeJS.Timeout;
  #silentMs = 0;
  #tickedAtMs = performance.now();
  #ticks = 0;
  #isAsking = false;
  #info = '';

  constructor(url: string) {
    this.#redis = openConnection({ url });
    this.#redis.connect().catch(() => {}); // it goes on trying
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  /** How long Redis has left a question unanswered. */
  get silentMs(): number {
    return this.#silentMs;
  }

  /**
   * Why writes are refused, or keys may be lost, by the last state that Redis reported; none if all
   * is well.
   */
  get faults(): string[] {
    const faults = [evictionFault(this.#info), memoryFault(this.#info), diskFault(this.#info)];
    return faults.filter((fault) => fault !== undefined);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#redis.disconnect();
  }

  #tick(): void {
    const nowMs = performance.now();
    const elapsedMs = Math.min(nowMs - this.#tickedAtMs, COUNTED_TICK_MAX_MS);
    this.#tickedAtMs = nowMs;
    if (this.#isAsking) this.#silentMs += elapsedMs;
    else void this.#ask();
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    try {
      if (this.#ticks++ % TICKS_A_LOOK === 0) this.#info = await readInfo(this.#redis);
      else await this.#redis.ping();
      this.#silentMs = 0;
    } catch {
      this.#silentMs += TICK_MS; // refused, or given up on: asked again at the next tick
    } finally {
      this.#isAsking = false;
    }
  }
}

async function readInfo(redis: Redis): Promise<string> {
  try {
    return await redis.info('memory', 'persistence');
  } catch (error) {
    // A user that may not ask INFO still learns that Redis answers.
    if ((error as Error).message.startsWith('NOPERM')) return '';
    throw error;
  }
}

function fieldOf(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1];
}

/**
 * Read from `INFO memory`: a Redis that evicts drops leases, logs and records when its memory is
 * short.
 */
export function evictionFault(info: string): string | undefined {
  const policy = fieldOf(info, 'maxmemory_policy');
  if (policy === undefined || policy === 'noeviction') return undefined;
  return (
    'Redis may drop keys when its memory is short: its maxmemory-policy is ' +
    `'${policy}'. Set it to noeviction ` +
    '(CONFIG SET maxmemory-policy noeviction, and in its configuration file): then ' +
    'it refuses writes instead'
  );
}

/** As Redis itself decides: what replicas and the append-only file wait for does not count. */
function memoryFault(info: string): string | undefined {
  const [limit, used, uncounted] = ['maxmemory', 'used_memory', 'mem_not_counted_for_evict'].map(
    (name) => Number(fieldOf(info, name) ?? 0),
  ) as [number, number, number];
  if (limit === 0 || used - uncounted <= limit) return undefined;
  const megabytes = (bytes: number) => `${Math.ceil(bytes / MEGABYTE)} MB`;
  return (
    `Redis is full and takes no writes: it holds ${megabytes(used)}, and its ` +
    `maxmemory is ${megabytes(limit)}. Give it more memory`
  );
}

function diskFault(info: string): string | undefined {
  if (fieldOf(info, 'aof_last_write_status') !== 'err') return undefined;
  return 'Redis takes no writes: it can not write its append-only file. Make room on its disk';
}
