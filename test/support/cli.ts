/**
 * cli.ts – Runs the command line as a person does: a process of its own, its output, its exit code,
 * its signals.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { noteProcess, type ProcessNote, waitForEnd } from '../../src/redis/process-life.ts';

const CLI = fileURLToPath(new URL('../../dist/cli/rollcall.js', import.meta.url));
const ENDED_MS = 30_000;

type Environment = Readonly<Record<string, string>>;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Served {
  readonly url: string;
  /** All of stdout up to the line that says it is ready. */
  readonly said: string;
  readonly child: ChildProcess;
  /** The private Redis. */
  readonly redis: { readonly url: string; readonly process: ProcessNote };
  call(
    method: string,
    path: string,
    body?: unknown,
    type?: string,
    accept?: string,
  ): Promise<Response>;
  /** Settles when the process has ended. */
  readonly ended: Promise<Ended>;
  /** Sends SIGTERM. */
  stop(): Promise<Ended>;
  kill9(): Promise<void>;
}

/** A data folder that does not exist yet. */
export function dataFolder(): { readonly path: string; remove(): void } {
  const parent = mkdtempSync(join(tmpdir(), 'rollcall-cli-'));
  return {
    path: join(parent, 'data'),
    remove: () => rmSync(parent, { recursive: true, force: true }),
  };
}

/** Only what a test sets: a REDIS_URL of the machine would lead every command to another Redis. */
function environment(given: Environment): Environment {
  const { PATH = '', HOME = '' } = process.env;
  return { PATH, HOME, PORT: '0', ...given };
}

/** Starts a command; its output grows while it runs. */
export function startCli(
  args: readonly string[],
  env: Environment,
): { child: ChildProcess; output: Ended; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [CLI, ...args], { env: environment(env) });
  const output = { code: null as number | null, stdout: '', stderr: '' };
  child.stdout!.on('data', (chunk: Buffer) => {
    output.stdout += chunk;
  });
  child.stderr!.on('data', (chunk: Buffer) => {
    output.stderr += chunk;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code) => {
      output.code = code;
      resolve(output);
    });
  });
  return { child, output, ended };
}

/** Runs a command to its end. */
export function runCli(args: readonly string[], env: Environment, input = ''): Promise<Ended> {
  const { child, ended } = startCli(args, env);
  child.stdin!.end(input);
  return ended;
}

/** Starts `serve` and waits until it says that it is ready. */
export async function serve(
  env: Environment & { readonly ROLLCALL_DATA: string },
): Promise<Served> {
  const { child, output, ended } = startCli(['serve'], env);
  const url = await Promise.race([
    new Promise<string>((resolve) => {
      child.stdout!.on('data', () => {
        const match = /^Rollcall is ready: (\S+)$/m.exec(output.stdout);
        if (match) resolve(match[1]!);
      });
    }),
    ended.then(({ code, stdout, stderr }) => {
      throw new Error(`serve ended with ${code} before it was ready:\n${stdout}\n${stderr}`);
    }),
  ]);
  const given = env['ROLLCALL_KEYS']?.split(',')[0]?.split(':')[1];
  const key = given ?? readFileSync(join(env.ROLLCALL_DATA, 'master-key'), 'utf8').trim();
  const state = JSON.parse(readFileSync(join(env.ROLLCALL_DATA, 'redis-server.json'), 'utf8'));
  return {
    url,
    said: output.stdout,
    child,
    redis: { url: `redis://127.0.0.1:${state.port}`, process: state.server },
    call: (method, path, body, type = 'application/json', accept = '*/*') =>
      fetch(`${url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${key}`,
          accept,
          ...(body === undefined ? {} : { 'content-type': type }),
        },
        ...(body === undefined
          ? {}
          : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    ended,
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
    kill9: () => kill9(noteProcess(child.pid!)!),
  };
}

/** Ends a process as the kernel does when memory runs out. */
export async function kill9(note: ProcessNote): Promise<void> {
  process.kill(note.pid, 'SIGKILL');
  if (!(await waitForEnd(note, ENDED_MS))) throw new Error(`${note.pid} survived SIGKILL`);
}
