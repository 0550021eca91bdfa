/**
 * event-streams.test.ts – A stream that goes on and on: what it costs if nobody takes it, and what
 * ends it.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventStreams, eventText, type StreamedTexts } from '../../src/api/event-streams.ts';
import { readEvents } from '../../src/cli/event-source.ts';
import { Problem } from '../../src/errors.ts';
import { eventually } from '../support/deployment.ts';

let server: FastifyInstance;
let streams: EventStreams;
let texts: StreamedTexts;
/** How often a text was asked for, and how many generators run. */
let [made, running] = [0, 0];
let isAllowed: boolean;
const sockets: Socket[] = [];

/** As much as is taken. */
const endless = (text: string): StreamedTexts =>
  async function* () {
    running++;
    try {
      for (;;) {
        made++;
        yield text;
      }
    } finally {
      running--;
    }
  };

/** One text, and then nothing until the signal comes. */
const quiet: StreamedTexts = async function* (signal) {
  running++;
  try {
    yield ':\n\n';
    if (!signal.aborted) await once(signal, 'abort');
  } finally {
    running--;
  }
};

beforeEach(async () => {
  [made, running, isAllowed] = [0, 0, true];
  streams = new EventStreams({ streamsPerKey: 2, streamStalledSeconds: 1 });
  server = Fastify();
  server.decorateRequest('caller', undefined);
  server.decorateRequest('isStillAllowed', async () => isAllowed);
  server.addHook('preClose', async () => streams.close());
  server.get('/', (request, reply) => streams.send(request, reply, texts));
  await server.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close();
});

async function ask(): Promise<Socket> {
  const socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1');
  sockets.push(socket);
  await once(socket, 'connect');
  socket.on('error', () => {}).write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  return socket;
}

describe('a stream', () => {
  it('is made no faster than it is taken, and is closed if nothing is taken for long', async () => {
    const chunk = `:${'x'.repeat(256 * 1024)}\n\n`;
    texts = endless(chunk);
    (await ask()).pause();
    await eventually('it has begun', () => made > 0);
    await eventually('it is closed', () => running === 0);
    // What the system itself buffers, and one more: not all that there is.
    expect(made).toBeLessThan(100);
    expect(streams.size).toBe(0);
  });

  it('leaves nothing running when its client goes', async () => {
    texts = quiet;
    const socket = await ask();
    await once(socket, 'data');
    expect([running, streams.size]).toEqual([1, 1]);
    socket.destroy();
    await eventually('it has ended', () => running === 0 && streams.size === 0);
  });

  it('ends when the server closes, also one that nobody takes', async () => {
    texts = quiet;
    const socket = await ask();
    await once(socket, 'data');
    texts = endless(`:${'x'.repeat(256 * 1024)}\n\n`);
    (await ask()).pause();
    await eventually('both have begun', () => running === 2 && made > 1);
    await server.close();
    expect(running).toBe(0);
  });

  it('fails as any other answer before its first text', async () => {
    texts = async function* () {
      yield await Promise.reject(new Problem('cursor_expired', 'too old'));
    };
    const answer = await server.inject('/');
    expect([answer.statusCode, streams.size]).toEqual([410, 0]);
  });

  it('is one of a few of its key', async () => {
    texts = quiet;
    const open = [await ask(), await ask()];
    await Promise.all(open.map((socket) => once(socket, 'data')));
    expect((await server.inject('/')).body).toContain('2 streams of this key are open');
    open[0]!.destroy();
    await eventually('there is room', () => streams.size === 1);
    const again = await ask();
    expect(String((await once(again, 'data'))[0])).toMatch(/^HTTP\/1.1 200 /);
  });

  it('is not begun for a HEAD', async () => {
    texts = quiet;
    const answer = await server.inject({ method: 'HEAD', url: '/' });
    expect([answer.statusCode, answer.headers['content-type'], running]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
      0,
    ]);
  });
});

it('an event is read as it was printed, however it is cut into chunks', async () => {
  const events = [
    { data: { text: 'a\nb' }, id: 'x' },
    { data: 'ü€', id: 'y' },
    { id: 'z' },
    { event: 'named', data: [1] },
  ];
  const bytes = Buffer.from(`: a comment\n${events.map(eventText).join('')}`);
  async function* chunks() {
    for (const byte of bytes) yield Uint8Array.of(byte);
  }
  const read: unknown[] = [];
  for await (const { data, id } of readEvents(chunks()))
    read.push([data === undefined ? undefined : JSON.parse(data), id]);
  expect(read).toEqual([
    [{ text: 'a\nb' }, 'x'],
    ['ü€', 'y'],
    [undefined, 'z'],
    [[1], 'z'],
  ]);
});
