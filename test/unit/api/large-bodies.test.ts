/**
 * large-bodies.test.ts – Large bodies are let in up to a weight, in their order, and those of
 * clients that went away hold nobody up.
 */
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { LargeBodies } from '../../../src/api/large-bodies.ts';

const LARGE = 700_000;

function answer(): ServerResponse & { close(): void } {
  const emitter = Object.assign(new EventEmitter(), { closed: false });
  const close = () => {
    emitter.closed = true;
    emitter.emit('close');
  };
  return Object.assign(emitter, { close }) as unknown as ServerResponse & { close(): void };
}

/** Ten large bodies, and which of them were let in so far. */
function ten(bodies: LargeBodies) {
  const entered: number[] = [];
  const answers = Array.from({ length: 10 }, () => answer());
  for (const [n, each] of answers.entries())
    bodies.enter(LARGE, each).then(
      () => entered.push(n),
      () => {},
    );
  return { entered, answers };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('two of them are let in, the others in their order as those before are answered', async () => {
  const { entered, answers } = ten(new LargeBodies());
  await turn();
  expect(entered).toEqual([0, 1]);
  for (let n = 0; n < 8; n++) {
    answers[n]!.close();
    await turn();
    expect(entered).toEqual(Array.from({ length: n + 3 }, (_, at) => at));
  }
});

test('one whose client has gone gives its place to the next', async () => {
  const { entered, answers } = ten(new LargeBodies());
  await turn();
  for (const n of [2, 3, 4]) answers[n]!.close();
  answers[0]!.close();
  await turn();
  await turn();
  expect(entered).toContain(5);
  expect(entered).not.toContain(7);
});

test('small ones are let in whatever waits, and one that is larger than all is let in alone', async () => {
  const bodies = new LargeBodies();
  await bodies.enter(100_000_000, answer());
  void bodies.enter(LARGE, answer());
  for (let n = 0; n < 100; n++) await bodies.enter(1000, answer());
});

test('what waits has a weight too', async () => {
  const bodies = new LargeBodies();
  await bodies.enter(LARGE, answer());
  for (let n = 0; n < 90; n++) void bodies.enter(LARGE, answer());
  await expect(bodies.enter(LARGE * 10, answer())).rejects.toMatchObject({ code: 'overloaded' });
});
