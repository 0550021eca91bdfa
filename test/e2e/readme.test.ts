/**
 * readme.test.ts – What README.md shows is what happens: its commands are pasted into one shell, as
 * they stand, beside a server that its own start command has started.
 *
 * Only the port is another one, and what `npm ci` does was done before the tests began.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fencedBlocks, ROOT, readMarkdown } from '../docs/markdown.ts';
import { eventually } from '../support/deployment.ts';

const { text } = readMarkdown('README.md');
const blocks = fencedBlocks(text);
const PORT = '8787';
const START = 'npm ci && npm start';
const TEST = 'npm ci && npm test';

/** What is pasted, and what the README shows of its answer, if it does. */
const pasted = blocks.flatMap((block, at) => {
  const next = blocks[at + 1];
  return block.language === 'sh'
    ? [
        {
          command: block.text.trim(),
          shown: next?.language === 'text' ? next.text.trim() : undefined,
        },
      ]
    : [];
});
const calls = pasted.filter(({ command }) => !command.startsWith('npm ci'));

/** As a user has it: a folder with the package, and a shell in it. */
let folder: string;
let port: string;
let server: ChildProcess;
let ended: Promise<unknown>;
let said = '';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rollcall-readme-'));
  for (const name of ['package.json', 'dist', 'node_modules'])
    symlinkSync(join(ROOT, name), join(folder, name));
  port = String(await freePort());
  server = spawn('sh', ['-c', START.replace('npm ci && ', 'exec ')], {
    cwd: folder,
    env: environment({ PORT: port }),
  });
  server.stdout!.on('data', (chunk) => (said += chunk));
  server.stderr!.on('data', (chunk) => (said += chunk));
  ended = new Promise((resolve) => server.once('close', resolve));
  const ready = eventually('the server is ready', () => /^Rollcall is ready/m.test(said), 60_000);
  await Promise.race([ready, ended.then(() => Promise.reject(new Error(`it ended:\n${said}`)))]);
});

afterAll(async () => {
  server.kill('SIGTERM');
  await ended;
  rmSync(folder, { recursive: true, force: true });
});

/**
 * Only what a user's shell has: a REDIS_URL of this machine would lead the server to another Redis.
 */
function environment(given: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const { PATH = '' } = process.env;
  return { PATH, HOME: folder, npm_config_update_notifier: 'false', ...given };
}

async function freePort(): Promise<number> {
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port: free } = listener.address() as { port: number };
  await new Promise((resolve) => listener.close(resolve));
  return free;
}

/** The shell, and what it has answered since the last paste. */
function openShell() {
  const shell = spawn('sh', [], { cwd: folder, env: environment() });
  let output = '';
  shell.stdout.on('data', (chunk) => (output += chunk));
  shell.stderr.on('data', (chunk) => (output += chunk));
  return {
    async paste(command: string): Promise<string> {
      const end = `end of ${Math.random()}`;
      output = '';
      shell.stdin.write(`${command.replaceAll(`:${PORT}`, `:${port}`)}\necho '${end}'\n`);
      await eventually('the command has ended', () => output.includes(end), 60_000);
      return output.replace(end, '').trim();
    },
    close: () => shell.kill(),
  };
}

/** Whether an answer is what is shown: `…` stands for anything within a line. */
function asShown(shown: string): RegExp {
  const lines = shown.replaceAll(`:${PORT}`, `:${port}`).split('…');
  return new RegExp(
    `^${lines.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`,
  );
}

describe('README.md', () => {
  it('begins with the command that starts it, and says what that answers', () => {
    expect(pasted[0]?.command).toBe(START);
    const lines = said
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('>') && !line.startsWith('{'));
    expect(lines.join('\n')).toMatch(asShown(pasted[0]!.shown!));
  });

  it('names the command that .ci/run tests with', () => {
    const commands = pasted.flatMap(({ command }) => command.split('\n'));
    expect(commands.map((command) => command.replace(/ +#.*$/, ''))).toContain(TEST);
    expect(readFileSync(join(ROOT, '.ci/run'), 'utf8').trim().split('\n').at(-1)).toBe(TEST);
  });

  it('shows calls that can be pasted as they stand, and their answers', async () => {
    expect(calls.length).toBeGreaterThanOrEqual(3);
    const shell = openShell();
    try {
      for (const { command, shown } of calls) {
        const answer = await shell.paste(command);
        expect(answer).not.toMatch(/"code":|not found|curl:/);
        if (shown !== undefined) expect(answer).toMatch(asShown(shown));
        // Who pastes has read the answer first: meanwhile a new segment is built.
        await eventually('every segment is built', nothingIsBuilding, 30_000);
      }
    } finally {
      shell.close();
    }
  });
});

async function nothingIsBuilding(): Promise<boolean> {
  const key = readFileSync(join(folder, 'data/master-key'), 'utf8').trim();
  const headers = { authorization: `Bearer ${key}` };
  const answer = await fetch(`http://127.0.0.1:${port}/v1/segments?fields=status`, { headers });
  const { data } = (await answer.json()) as { data: { status: string }[] };
  return data.every(({ status }) => status !== 'building');
}
