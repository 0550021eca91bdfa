/**
 * api-processes.ts – Starts servers as processes of their own, so that one can be stopped in its
 * tracks and go on later.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { KEY, type ServedOrder } from './api-process.ts';

const SERVER = fileURLToPath(new URL('./api-process.ts', import.meta.url));

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: who asks says what is expected
  readonly body: any;
}

export interface ApiProcess {
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
  stop(): Promise<void>;
}

export async function startApiProcess(order: ServedOrder): Promise<ApiProcess> {
  const child = spawn(process.execPath, ['--import', 'tsx', SERVER], {
    env: { ...process.env, SERVED: JSON.stringify(order) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const port = await new Promise<string>((resolve, reject) => {
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk;
      const match = /^port (\d+)$/m.exec(said);
      if (match) resolve(match[1]!);
    });
    void ended.then(() => reject(new Error(`the server ended before it was ready: ${said}`)));
  });
  return {
    call: async (method, path, body) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${KEY}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
    },
    signal: (name) => void child.kill(name),
    stop: () => {
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      return ended;
    },
  };
}
