/**
 * bare-intake.ts – A route that takes lines in and only appends them to a stream: what any server
 * of a log has to do with them.
 *
 * Keeps true: it answers when all lines are in the stream, in entries of as many lines as ours. It
 * reads no line.
 */
import type { Readable } from 'node:stream';
import Fastify from 'fastify';
import type { Redis } from 'ioredis';
import { LineSplitter } from '../../src/api/lines.ts';
import { openConnection } from '../../src/redis/connection.ts';
import { type HttpSide, LINES, openHttp } from '../http-side.ts';

/** As our sessions gather of one partition (engine/ingest.ts). */
const LINES_AN_ENTRY = 128;
const LINE_BYTES_MAX = 1024 * 1024;

export interface BareIntake extends HttpSide {
  /** Lines that were appended. */
  readonly appended: () => number;
}

export async function openBareIntake(url: string, stream: string): Promise<BareIntake> {
  const redis = openConnection({ url });
  await redis.connect();
  let appended = 0;
  const server = Fastify();
  server.addContentTypeParser(LINES, async (_: unknown, payload: Readable) => payload);
  server.post('/', async ({ body }) => {
    const taken = await append(redis, stream, body as Readable);
    appended += taken;
    return { accepted: taken };
  });
  const http = await openHttp(server);
  return {
    ...http,
    appended: () => appended,
    close: () => http.close().finally(() => redis.disconnect()),
  };
}

async function append(redis: Redis, stream: string, body: Readable): Promise<number> {
  const splitter = new LineSplitter(LINE_BYTES_MAX);
  const sent: Promise<unknown>[] = [];
  let lines: string[] = [];
  let taken = 0;
  const send = () => {
    if (lines.length > 0) sent.push(redis.xadd(stream, '*', 'lines', lines.join('\n')));
    lines = [];
  };
  const take = (bytes: Buffer | 'too long') => {
    taken += 1;
    if (lines.push(bytes.toString()) === LINES_AN_ENTRY) send();
  };
  for await (const chunk of body) for (const { bytes } of splitter.split(chunk)) take(bytes);
  for (const { bytes } of splitter.end()) take(bytes);
  send();
  await Promise.all(sent);
  return taken;
}
