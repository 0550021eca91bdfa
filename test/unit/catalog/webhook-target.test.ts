/**
 * webhook-target.test.ts – No spelling of a forbidden address gets through, neither when an
 * activation is created nor when a connection is made; nor does a name that resolves to one, or a
 * redirect.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AllowedTargets, addressFault, targetFault } from '../../../src/catalog/webhook-target.ts';
import { openWebhookAgent, type Resolver } from '../../../src/jobs/webhook-connect.ts';
import { type Attempt, WebhookSender } from '../../../src/jobs/webhook-sender.ts';

const UNCLEAN = [
  ...[
    '\0',
    '\t',
    '\n',
    '\r',
    '\v',
    '\u001f',
    '\u007f',
    '\u0085',
    '\u009f',
    '\u00a0',
    '\u2028',
    '\ufeff',
    ' ',
    '\ud800',
  ],
  ...['%00', '%0a', '%0D%0A', '%1F', '%7f', '%c2%85', '%C2%9F'],
];

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const NOTHING = new AllowedTargets();

/** Hosts, as they stand in a URL. */
const SPELLINGS = [
  // loopback
  '127.0.0.1',
  '127.1',
  '127.0.1',
  '127.255.255.254',
  '2130706433',
  '017700000001',
  '0x7f000001',
  '0x7f.1',
  '0177.0.0.1',
  '0x7F.0x0.0x0.0x1',
  '127.0.0.1.',
  '%31%32%37.0.0.1',
  '①②⑦.⓪.⓪.①',
  '１２７.０.０.１',
  '127。0。0。1',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::127.0.0.1]',
  '[::ffff:0:127.0.0.1]',
  'localhost',
  'LOCALHOST.',
  'a.localhost',
  // unspecified: this machine, for a socket
  '0.0.0.0',
  '0',
  '[::]',
  // private, shared, link-local, metadata
  '10.1.2.3',
  '012.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '0xc0.0xa8.0x1.0x1',
  '100.64.0.1',
  '100.100.100.200',
  '169.254.169.254',
  '2852039166',
  '[::ffff:a9fe:a9fe]',
  '168.63.129.16',
  '[fd00:ec2::254]',
  '[fc00::1]',
  '[fe80::1]',
  '[fec0::1]',
  // IPv4 within IPv6, by way of gateways
  '[64:ff9b::10.0.0.1]',
  '[64:ff9b:1::a00:1]',
  '[2002:7f00:1::]',
  '[2001:0:a00:1::1]',
  // of no use to anybody, or to all
  '192.0.2.1',
  '198.18.0.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '[ff02::1]',
  '[2001:db8::1]',
  '[4000::1]',
];

describe('a URL that is not what it seems', () => {
  it.each(UNCLEAN.map((sign) => [JSON.stringify(sign), sign]))(
    'is refused wherever it holds %s',
    (_, sign) => {
      const url = 'https://hooks.example/a?b=c#d';
      expect(targetFault(url, NOTHING)).toBeUndefined();
      for (let at = 0; at <= url.length; at++) {
        expect(
          targetFault(url.slice(0, at) + sign + url.slice(at), NOTHING),
          `at ${at}`,
        ).toBeDefined();
      }
    },
  );

  it('is none of those that hold letters of any language, or % that stands for what can be seen', () => {
    for (const url of [
      'https://hooks.example/ä/日本?q=%20%C3%A4%E2%82%AC',
      'https://xn--bcher-kva.example/%7Euser',
    ])
      expect(targetFault(url, NOTHING)).toBeUndefined();
  });
});

describe('a target', () => {
  it.each(SPELLINGS)('is refused as http://%s', (host) => {
    expect(targetFault(`http://${host}/hook`, NOTHING)).toEqual(expect.any(String));
    expect(targetFault(`https://${host}:8443/hook`, NOTHING)).toEqual(expect.any(String));
  });

  it.each([
    'http://[fe80::1%25eth0]/',
    'http://user:password@example.com/',
    'http://user@93.184.216.34/',
    'ftp://example.com/',
    'file:///etc/passwd',
    'gopher://example.com/',
    'javascript:alert(1)',
    'http://',
    'example.com',
    '',
    undefined,
    7,
  ])('is refused as %s', (url) => {
    expect(targetFault(url, NOTHING)).toEqual(expect.any(String));
  });

  it.each([
    'https://example.com/hook?key=1',
    'http://93.184.216.34:8080/',
    'https://[2606:4700::1111]/',
    'https://[::ffff:93.184.216.34]/',
    'https://[64:ff9b::5db8:d822]/',
    'https://localhost.example.com/',
  ])('may be %s', (url) => {
    expect(targetFault(url, NOTHING)).toBeUndefined();
  });

  it('may be what the configuration allows, and no more', () => {
    const allowed = new AllowedTargets([
      '10.1.0.0/16',
      '192.168.7.7',
      'fd12::/16',
      'localhost',
      'Hooks.Internal',
    ]);
    for (const host of [
      '10.1.2.3',
      '0xa010203',
      '192.168.7.7',
      '[::ffff:10.1.2.3]',
      '[fd12::5]',
      'localhost',
      'hooks.internal.',
    ])
      expect(targetFault(`http://${host}/`, allowed), host).toBeUndefined();
    for (const host of ['10.2.0.1', '192.168.7.8', '127.0.0.1', '[fd13::5]', 'a.localhost'])
      expect(targetFault(`http://${host}/`, allowed), host).toEqual(expect.any(String));
  });

  it('that can not be read as an address is refused', () => {
    for (const address of ['', 'fe80::1%eth0', 'nonsense', '300.1.1.1'])
      expect(addressFault(address, NOTHING)).toEqual(expect.any(String));
  });
});

describe('a connection', () => {
  let server: Server;
  let port: number;
  let requests = 0;

  beforeAll(async () => {
    server = createServer((request, response) => {
      requests++;
      if (request.url === '/redirect')
        response.writeHead(302, { location: `http://10.0.0.1:${port}/hook` }).end();
      else if (request.url === '/redirect-here')
        response.writeHead(307, { location: '/hook' }).end();
      else if (request.url === '/endless') response.writeHead(200).write('x'.repeat(1_000_000));
      else response.writeHead(200).end('thanks');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  /** Names resolve to what `resolve` says, here and never by DNS. */
  async function send(
    url: string,
    allow: string[] = [],
    resolve: Resolver = () => expect.unreachable('no name'),
  ): Promise<Attempt> {
    const agent = openWebhookAgent(new AllowedTargets(allow), resolve);
    const attempt = await new WebhookSender(agent, 2000).send(
      { url, secret: SECRET },
      { id: 'evt_1', body: '{}' },
    );
    await agent.destroy();
    return attempt;
  }

  const to =
    (...addresses: string[]): Resolver =>
    (_, __, callback) =>
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );

  it('is refused for every spelling of a literal address', async () => {
    const before = requests;
    for (const host of SPELLINGS) {
      const attempt = await send(`http://${host}:${port}/hook`);
      expect(attempt, host).toMatchObject({
        outcome: 'failed',
        error: expect.stringMatching(/^refused: /),
      });
    }
    expect(requests).toBe(before);
  });

  it.each([
    ['10.0.0.7'],
    ['127.0.0.1'],
    ['::1'],
    ['169.254.169.254'],
    ['::ffff:127.0.0.1'],
    ['93.184.216.34', '10.0.0.7'],
    ['fe80::1%eth0'],
    [],
  ])('is refused for a name that resolves to %s %s', async (...addresses) => {
    const before = requests;
    const attempt = await send(
      `http://hooks.example.com:${port}/hook`,
      [],
      to(...(addresses as string[])),
    );
    expect(attempt).toMatchObject({
      outcome: 'failed',
      error: expect.stringMatching(/^refused: /),
    });
    expect(requests).toBe(before);
  });

  it('is made to the address that was judged: a name is looked up once', async () => {
    let lookups = 0;
    const rebinding: Resolver = (host, options, callback) =>
      to(lookups++ === 0 ? '127.0.0.1' : '10.0.0.1')(host, options, callback);
    const attempt = await send(`http://hooks.example.com:${port}/hook`, ['127.0.0.1'], rebinding);
    expect(attempt).toMatchObject({ outcome: 'delivered', status: 200, answer: 'thanks' });
    expect(lookups).toBe(1);
  });

  it('is made to a name that is allowed, wherever it leads', async () => {
    const attempt = await send(
      `http://hooks.internal:${port}/hook`,
      ['hooks.internal'],
      to('127.0.0.1'),
    );
    expect(attempt).toMatchObject({ outcome: 'delivered' });
  });

  it.each(['/redirect', '/redirect-here'])('follows no redirect (%s)', async (path) => {
    const before = requests;
    const attempt = await send(`http://127.0.0.1:${port}${path}`, ['127.0.0.1']);
    expect(attempt).toMatchObject({
      outcome: 'failed',
      error: expect.stringContaining('a redirect'),
    });
    expect(requests).toBe(before + 1);
  });

  it('asks no proxy of the environment', async () => {
    const names = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'all_proxy'];
    const before = names.map((name) => process.env[name]);
    for (const name of names) process.env[name] = 'http://127.0.0.1:1';
    const attempt = await send(`http://127.0.0.1:${port}/hook`, ['127.0.0.1']);
    for (const [at, name] of names.entries()) {
      if (before[at] === undefined) delete process.env[name];
      else process.env[name] = before[at];
    }
    expect(attempt).toMatchObject({ outcome: 'delivered' });
  });

  it('does not wait for the end of an answer that never ends', async () => {
    const attempt = await send(`http://127.0.0.1:${port}/endless`, ['127.0.0.1']);
    expect(attempt).toMatchObject({ outcome: 'delivered', status: 200 });
    expect(attempt.answer.length).toBeLessThanOrEqual(500);
  });
});
