/**
 * held-answers.ts – Heavy answers: how many are made at once, and how much of them waits for slow
 * clients.
 *
 * Keeps true: however much is asked at once, MAKING_MAX answers are being made. What is made and
 * not taken weighs at most about `heldBytes`, of which one key has at most half. A key of which
 * nothing waits always has room for one. A request that waits too long for room is refused with
 * `overloaded`; a client that takes nothing of its answer for TAKEN_MS loses it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { overloaded, Turns } from '../turns.ts';

/**
 * Each holds a few parts of half a megabyte and what it has made so far. More at once are no
 * faster: one thread makes them all.
 */
const MAKING_MAX = 3;
const WAITING_MAX = 500;
const ROOM_MS = 10_000;
const ROOM_POLL_MS = 20;
const TAKEN_MS = 120_000;
/** Streamed answers of one key at once: each holds a few rows, whose weight is bounded. */
const STREAMS_MAX = 16;

export class HeldAnswers {
  readonly #bytesMax: number;
  readonly #byHolder = new Map<string, number>();
  readonly #turns = new Turns({
    atOnce: MAKING_MAX,
    waitingMax: WAITING_MAX,
    work: 'heavy answers',
  });
  readonly #streams = new Map<string, number>();
  #held = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Makes an answer of JSON and sends it. @throws Problem overloaded */
  async send(
    request: FastifyRequest,
    reply: FastifyReply,
    make: () => Promise<Buffer>,
  ): Promise<FastifyReply> {
    const holder = request.caller?.holder ?? '';
    const deadlineMs = Date.now() + ROOM_MS;
    let body: Buffer | undefined;
    // Others may have taken the room while this one waited for its turn.
    while (body === undefined) {
      await this.#room(holder, request, deadlineMs);
      if (isGone(request)) return reply.hijack(); // its client has gone
      body = await this.inTurn(() => this.#made(holder, request, reply, make));
    }
    return reply.type('application/json; charset=utf-8').send(body);
  }

  async #made(
    holder: string,
    request: FastifyRequest,
    reply: FastifyReply,
    make: () => Promise<Buffer>,
  ) {
    if (isGone(request) || !this.#hasRoom(holder)) return undefined;
    const body = await make();
    if (isGone(request)) return undefined;
    this.#hold(holder, body.length, reply);
    return body;
  }

  /**
   * Begins an answer that is streamed; a key has at most so many under way. @throws Problem
   * overloaded
   */
  async stream(
    request: FastifyRequest,
    reply: FastifyReply,
    begin: () => Promise<FastifyReply>,
  ): Promise<FastifyReply> {
    const holder = request.caller?.holder ?? '';
    if (isGone(request)) return reply.hijack();
    const streams = this.#streams.get(holder) ?? 0;
    if (streams >= STREAMS_MAX)
      throw overloaded(`${STREAMS_MAX} answers of this key are being streamed`);
    this.#streams.set(holder, streams + 1);
    reply.raw.once('close', () => this.#streams.set(holder, this.#streams.get(holder)! - 1));
    return begin();
  }

  /** Does work that holds much, when its turn has come. @throws Problem overloaded */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.inTurn(work);
  }

  async #room(holder: string, request: FastifyRequest, deadlineMs: number): Promise<void> {
    while (!this.#hasRoom(holder)) {
      if (Date.now() > deadlineMs)
        throw overloaded('answers that were asked for before are not taken');
      if (isGone(request)) return;
      await sleep(ROOM_POLL_MS);
    }
  }

  #hasRoom(holder: string): boolean {
    const own = this.#byHolder.get(holder) ?? 0;
    return own === 0 || (this.#held < this.#bytesMax && own < this.#bytesMax / 2);
  }

  #hold(holder: string, bytes: number, { raw }: FastifyReply): void {
    const add = (more: number) => {
      this.#held += more;
      const held = (this.#byHolder.get(holder) ?? 0) + more;
      if (held === 0) this.#byHolder.delete(holder);
      else this.#byHolder.set(holder, held);
    };
    add(bytes);
    // Behind another answer it has no connection of its own to end.
    const late = setTimeout(() => raw.req.socket.destroy(), TAKEN_MS);
    raw.once('close', () => {
      clearTimeout(late);
      add(-bytes);
    });
  }
}

/** The connection has ended: an answer that is made now would never be taken. */
export function isGone({ raw }: FastifyRequest): boolean {
  return raw.destroyed && raw.socket?.destroyed === true;
}
