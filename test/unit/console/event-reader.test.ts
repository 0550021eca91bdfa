/**
 * event-reader.test.ts – Server-Sent Events are read the same however their bytes were cut.
 */
import { describe, expect, it } from 'vitest';
import { EventReader } from '../../../src/console/stream/event-reader.ts';

const TEXT =
  ':\n\nevent: counts\ndata: {"a":"é"}\n\nid: c1\n\nevent: changes\r\ndata: [1,\r\ndata: 2]\r\n' +
  'id: c2\r\n\r\n';
const EVENTS = [
  { event: 'counts', data: { a: 'é' } },
  { event: 'changes', data: [1, 2] },
];

function readIn(size: number) {
  const reader = new EventReader();
  const bytes = new TextEncoder().encode(TEXT);
  const events = [];
  for (let at = 0; at < bytes.length; at += size)
    events.push(...reader.read(bytes.subarray(at, at + size)));
  return { events, lastId: reader.lastId };
}

describe('events are read', () => {
  it.each([1, 2, 3, 7, 1000])('from pieces of %i bytes', (size) => {
    expect(readIn(size)).toEqual({ events: EVENTS, lastId: 'c2' });
  });

  it('each when its empty line has come, and not before', () => {
    const reader = new EventReader();
    expect(reader.read(new TextEncoder().encode('data: 1\n'))).toEqual([]);
    expect(reader.read(new TextEncoder().encode('\n'))).toEqual([{ event: 'message', data: 1 }]);
  });

  it('and an id without data is kept, and told to nobody', () => {
    const reader = new EventReader();
    expect(reader.read(new TextEncoder().encode('id: c9\n\n'))).toEqual([]);
    expect(reader.lastId).toBe('c9');
  });
});
