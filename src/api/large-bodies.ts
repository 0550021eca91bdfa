/**
 * large-bodies.ts – Bounds the memory of large JSON bodies: parsed, nested brackets take thirty
 * times their bytes.
 *
 * Keeps true: the large bodies that are parsed and not answered yet have together at most
 * LARGE_BYTES_MAX, or are one alone. The others wait as bytes, in the order in which they came, for
 * a bounded time.
 */
import type { ServerResponse } from 'node:http';
import { Problem } from '../errors.ts';

/** What is smaller is parsed at once. */
const SMALL_BYTES = 64 * 1024;
const LARGE_BYTES_MAX = 1536 * 1024;
const WAITING_BYTES_MAX = 64 * 1024 * 1024;
const PATIENCE_MS = 20_000;

interface Waiting {
  readonly bytes: number;
  readonly enter: () => void;
}

export class LargeBodies {
  readonly #queue: Waiting[] = [];
  #parsed = 0;
  #waiting = 0;

  /**
   * Waits until a body may be parsed; it counts until its answer is closed. @throws Problem
   * overloaded
   */
  async enter(bytes: number, answer: ServerResponse | undefined): Promise<void> {
    if (bytes <= SMALL_BYTES || !answer) return;
    if (this.#queue.length > 0 || !this.#hasRoom(bytes)) await this.#wait(bytes);
    if (answer.closed || answer.destroyed) {
      this.#next();
      throw overloaded(); // its client has gone
    }
    this.#parsed += bytes;
    answer.once('close', () => {
      this.#parsed -= bytes;
      this.#next();
    });
  }

  #hasRoom(bytes: number): boolean {
    return this.#parsed === 0 || this.#parsed + bytes <= LARGE_BYTES_MAX;
  }

  #wait(bytes: number): Promise<void> {
    if (this.#waiting + bytes > WAITING_BYTES_MAX) throw overloaded();
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.#queue.splice(this.#queue.indexOf(waiting), 1);
        this.#waiting -= bytes;
        reject(overloaded());
      }, PATIENCE_MS);
      const enter = () => {
        clearTimeout(late);
        this.#waiting -= bytes;
        resolve();
      };
      const waiting: Waiting = { bytes, enter };
      this.#queue.push(waiting);
      this.#waiting += bytes;
    });
  }

  /** One at a time: each lets the next one in when it is done, or has gone. */
  #next(): void {
    const [first] = this.#queue;
    if (!first || !this.#hasRoom(first.bytes)) return;
    this.#queue.shift();
    first.enter();
  }
}

function overloaded(): Problem {
  return new Problem(
    'overloaded',
    'too many large bodies wait to be read; send fewer at once',
    [],
    {
      retry_after_s: 1,
    },
  );
}
