/**
 * wanted-topics.test.ts – One stream carries what the tabs want, within the bounds of the server.
 */
import { expect, it } from 'vitest';
import { readTopics } from '../../../src/api/stream/topics.ts';
import { streamPath, WantedTopics } from '../../../src/console/stream/wanted-topics.ts';

const topics = (kind: string, from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => `${kind}:s${from + at}`);

it('a topic is carried once, as long as a tab wants it', () => {
  const wanted = new WantedTopics();
  expect(wanted.set('a', ['counts:x', 'pulse'])).toBe(true);
  wanted.set('b', ['counts:x', 'segment:x']);
  expect(wanted.carried).toEqual(['counts:x', 'pulse', 'segment:x']);
  wanted.set('a', []);
  expect(wanted.carried).toEqual(['counts:x', 'segment:x']);
  expect(wanted.set('b', ['counts:x', 'segment:x'])).toBe(false);
});

it('what was asked for last is carried when there is too much', () => {
  const wanted = new WantedTopics();
  wanted.set('old', [...topics('counts', 0, 150), ...topics('segment', 0, 15)]);
  wanted.set('new', [...topics('counts', 150, 300), ...topics('segment', 15, 30), 'pulse']);
  const carried = new Set(wanted.carried);
  for (const topic of [...topics('counts', 150, 300), ...topics('segment', 15, 30), 'pulse'])
    expect(carried).toContain(topic);
  // The server takes all of it.
  const asked = new URL(streamPath([...carried]), 'http://x').searchParams.getAll('topic');
  const { counted, followed, pulse } = readTopics(asked);
  expect([counted.length, followed.length, pulse]).toEqual([200, 20, true]);
});
