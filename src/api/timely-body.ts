/**
 * timely-body.ts – Ends the wait for a body that stops coming, so that it holds nothing for long.
 *
 * Keeps true: only waiting for the client counts; time in which nothing reads the body does not. A
 * body that is read as a whole has a bounded time; a streamed one may last as long as some of it
 * comes.
 */
import { Readable } from 'node:stream';
import { Problem } from '../errors.ts';

export function timely(body: Readable, seconds: number, isStreamed: boolean): Readable {
  return Readable.from(pass(body, seconds, isStreamed), { objectMode: false });
}

async function* pass(body: Readable, seconds: number, isStreamed: boolean): AsyncGenerator<Buffer> {
  const chunks = body.iterator({ destroyOnReturn: false }); // its connection may be used again
  let leftMs = seconds * 1000;
  try {
    for (;;) {
      const askedMs = Date.now();
      const next = await within(chunks.next() as Promise<IteratorResult<Buffer>>, leftMs, seconds);
      if (next.done) return;
      leftMs = isStreamed ? seconds * 1000 : leftMs - (Date.now() - askedMs);
      yield next.value;
    }
  } finally {
    body.on('error', () => {}); // it has no reader any more
  }
}

/** @throws Problem request_timeout */
async function within<T>(next: Promise<T>, ms: number, seconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const problem = new Problem(
      'request_timeout',
      `nothing more of the body came within ${seconds} s`,
    );
    timer = setTimeout(() => reject(problem), Math.max(0, ms));
  });
  try {
    return await Promise.race([next, late]);
  } finally {
    clearTimeout(timer);
  }
}
