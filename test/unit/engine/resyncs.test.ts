/**
 * resyncs.test.ts – What a commit writes down of resynchronizations, so that reads and the next
 * owner know of them.
 */
import { describe, expect, it } from 'vitest';
import { CORE_LIMITS } from '../../../src/engine/core-limits.ts';
import { HeardResyncs, NO_RESYNC, Resyncs } from '../../../src/engine/resyncs.ts';

const nothingHeard = () => new HeardResyncs(() => false);

describe('a resynchronization that has to be sent', () => {
  it('is part of each commit until it has begun: another one may come first and write down the places', () => {
    const resyncs = new Resyncs(CORE_LIMITS);
    resyncs.resend([2, 5]);
    const first = resyncs.progress(NO_RESYNC, nothingHeard());
    expect(first.resending).toEqual([2, 5]);
    resyncs.apply(NO_RESYNC, nothingHeard());
    const begin = { ...NO_RESYNC, begins: [2, 5] };
    expect(resyncs.progress(begin, nothingHeard()).resending).toEqual(first.resending);
    resyncs.apply(begin, nothingHeard());
    expect(resyncs.progress(NO_RESYNC, nothingHeard()).resending).toEqual([]);
  });
});

describe('a source of which a message could not be applied', () => {
  /** What is stored of it after batches of marks, `poison` among them. */
  function storedAfter(...batches: ('snapshot-begin' | 'snapshot-end' | 'poison')[][]): string[] {
    const resyncs = new Resyncs(CORE_LIMITS);
    const stored = new Set<number>();
    for (const marks of batches) {
      const heard = new HeardResyncs((source) => resyncs.isReceiving(source));
      for (const mark of marks) {
        if (mark === 'poison') heard.spoil(3);
        else heard.mark(3, mark);
      }
      const { broken, brokenDone } = resyncs.progress(NO_RESYNC, heard);
      for (const source of brokenDone) stored.delete(source);
      for (const source of broken) stored.add(source);
      resyncs.apply(NO_RESYNC, heard);
    }
    return [...stored].map((source) => `broken:${source}`);
  }

  it('is trusted again when it has begun to say everything anew', () => {
    expect(storedAfter(['poison'])).toEqual(['broken:3']);
    expect(storedAfter(['poison'], ['snapshot-begin'])).toEqual([]);
    expect(storedAfter(['poison', 'snapshot-begin', 'snapshot-end'])).toEqual([]);
    expect(storedAfter(['poison'], ['snapshot-begin'], ['snapshot-end'])).toEqual([]);
  });

  it('is not trusted because of an end, if the message was part of what it said anew', () => {
    expect(storedAfter(['snapshot-begin'], ['poison'], ['snapshot-end'])).toEqual(['broken:3']);
    expect(storedAfter(['snapshot-begin', 'poison', 'snapshot-end'])).toEqual(['broken:3']);
    expect(storedAfter(['snapshot-begin', 'poison'], ['snapshot-end'])).toEqual(['broken:3']);
    expect(storedAfter(['snapshot-begin'], ['poison', 'snapshot-end'])).toEqual(['broken:3']);
    // the beginning itself could not be applied
    expect(storedAfter(['poison'], ['snapshot-end'])).toEqual(['broken:3']);
    expect(
      storedAfter(['snapshot-begin'], ['poison'], ['snapshot-begin'], ['snapshot-end']),
    ).toEqual([]);
  });
});
