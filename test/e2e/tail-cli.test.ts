/**
 * tail-cli.test.ts – `rollcall tail`: what it prints, where it begins, and that it goes on when the
 * server was away.
 */
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { openTestApi, type TestApi } from '../support/api.ts';
import { runCli, startCli } from '../support/cli.ts';
import { createSegment, eventually, send } from '../support/deployment.ts';
import { openProxy } from '../support/proxy.ts';

let api: TestApi;
let port: number;
beforeAll(async () => {
  api = await openTestApi();
  await api.server.listen({ host: '127.0.0.1', port: 0 });
  port = (api.server.server.address() as AddressInfo).port;
  await api.deployment.objectTypes.put('contacts', { attributes: { age: { type: 'number' } } });
  const rule = (operator: string) => [{ field: 'age', operator, value: 18 }];
  for (const [slug, operator] of [
    ['adults', '>='],
    ['minors', '<'],
  ] as const)
    await createSegment(api.deployment, slug, 'contacts', {
      combinator: 'and',
      rules: rule(operator),
    });
  await put('ann', 20);
  await put('ann', 10);
});
afterAll(() => api.close());

const put = (id: string, age: number) =>
  send(api.deployment, [{ op: 'put', object_type: 'contacts', id, data: { age } }]);

function tail(args: readonly string[], at = port) {
  const url = `http://127.0.0.1:${at}`;
  const key = 'the-key-of-the-viewer';
  const started = startCli(['tail', ...args, '--url', url, '--key', key], {});
  onTestFinished(async () => {
    started.child.kill('SIGINT');
    await started.ended;
  });
  const lines = () => started.output.stdout.split('\n').slice(0, -1);
  return { ...started, lines };
}

it('prints who joined and left, and why', async () => {
  const { lines, child, ended } = tail(['adults', '--since', 'oldest']);
  const moves = () => lines().filter((line) => /joined|left/.test(line));
  await eventually('what was', () => moves().length === 2);
  await put('bob', 30);
  await eventually('what comes', () => moves().length === 3);
  const time = '\\d\\d:\\d\\d:\\d\\d';
  expect(moves()).toEqual([
    expect.stringMatching(new RegExp(`^${time} {2}ann +joined +adults +it was created$`)),
    expect.stringMatching(new RegExp(`^${time} {2}ann +left +adults +it was changed$`)),
    expect.stringMatching(new RegExp(`^${time} {2}bob +joined +adults +it was created$`)),
  ]);
  child.kill('SIGINT');
  expect((await ended).code).toBe(130);
});

it('prints lines of JSON, of all segments, from now on', async () => {
  const { lines } = tail(['--json']);
  let n = 0;
  await eventually('it has begun', async () => {
    await put('cid', 20 + n++); // nothing flips
    await put(`cid${n}`, 10);
    return lines().length > 0;
  });
  const event = JSON.parse(lines().at(-1)!) as Record<string, unknown>;
  expect(event).toMatchObject({ event: 'entered', segment: 'minors', cause: 'created' });
  expect(lines().some((line) => line.includes('"ann"'))).toBe(false);
});

it('goes on where it was when the connection is lost', async () => {
  const proxy = await openProxy(`http://127.0.0.1:${port}`);
  onTestFinished(() => proxy.close());
  const { lines, output } = tail(['--json', '--since', 'oldest'], Number(new URL(proxy.url).port));
  await eventually('it has begun', () => lines().length >= 2);
  const before = lines().length;
  proxy.cut();
  await eventually('it says so', () => output.stderr.includes('trying again'));
  await put('dan', 50);
  await eventually('it goes on', () => lines().length > before);
  const cursors = lines().map((line) => (JSON.parse(line) as { cursor: string }).cursor);
  expect(new Set(cursors).size).toBe(cursors.length);
});

it.each([
  [['nobody'], "there is no segment 'nobody'"],
  [['--since', 'yesterday'], 'the cursor is not one that this endpoint gave out'],
  [['--key', 'another'], 'the key is not valid'],
  [['--url', 'http://127.0.0.1:9'], 'did not answer'],
])('%j ends with 1, and says why', async (args, words) => {
  const defaults = ['--url', `http://127.0.0.1:${port}`, '--key', 'the-key-of-the-viewer'];
  const ended = await runCli(['tail', ...defaults, ...args], {});
  expect([ended.code, ended.stdout]).toEqual([1, '']);
  expect(ended.stderr).toContain(words);
});
