/**
 * npm-start.test.ts – `npm start`, as a person or a service starts it: what ends npm ends Rollcall,
 * and the Redis that it started. And what it logs meanwhile: routes, and nothing of what was asked.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { noteProcess, type ProcessNote, waitForEnd } from '../../src/redis/process-life.ts';
import { dataFolder } from '../support/cli.ts';
import { eventually } from '../support/deployment.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ENDED_MS = 30_000;

it.each(['SIGTERM', 'SIGINT'] as const)(
  '%s to npm stops the server and the private Redis',
  async (signal) => {
    const data = dataFolder();
    const { PATH = '', HOME = '' } = process.env;
    const env = {
      PATH,
      HOME,
      PORT: '0',
      ROLLCALL_DATA: data.path,
      npm_config_update_notifier: 'false',
    };
    const npm = spawn('npm', ['start'], { cwd: ROOT, env });
    let said = '';
    npm.stdout.on('data', (chunk) => (said += chunk));
    npm.stderr.on('data', (chunk) => (said += chunk));
    const ended = new Promise((resolve) => npm.once('close', resolve));
    await eventually('it is ready', () => /^Rollcall is ready: \S+$/m.test(said), 60_000);

    const url = /^Rollcall is ready: (\S+)$/m.exec(said)![1]!;
    const key = readFileSync(join(data.path, 'master-key'), 'utf8').trim();
    const secret = 'nobody-may-read-this';
    for (const path of [
      `/v1/records/contacts/${secret}`,
      `/v1/segments?cursor=${secret}`,
      `/v1/${secret}`,
    ])
      await fetch(`${url}${path}`, {
        headers: { authorization: `Bearer ${key}`, 'idempotency-key': secret },
      });

    const state = JSON.parse(readFileSync(join(data.path, 'redis-server.json'), 'utf8')) as {
      server: ProcessNote;
    };
    const server = noteProcess(serverOf(data.path))!;
    npm.kill(signal);
    await ended;
    expect(await waitForEnd(server, ENDED_MS)).toBe(true);
    expect(await waitForEnd(state.server, ENDED_MS)).toBe(true);

    const logged = said.slice(said.indexOf('Rollcall is ready'));
    expect(logged).toContain('/v1/records/:type/:id');
    expect(logged).not.toContain(secret);
    expect(logged).not.toContain(key);
    data.remove();
  },
);

/** Who owns the folder. */
function serverOf(folder: string): number {
  return (JSON.parse(readFileSync(join(folder, 'owner.1'), 'utf8')) as ProcessNote).pid;
}
