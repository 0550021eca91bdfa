/**
 * webhook-payload.ts – The body of a webhook: which record entered or left which view, and its
 * columns.
 *
 * Keeps true: an event's id follows only from its entry in the feed, or from the sync and the
 * record. Making it again gives the same id. An event whose columns can't be read is sent without
 * them rather than held back.
 */
import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import {
  type ActivationEvent,
  hasOwnQuery,
  type StoredActivation,
  type StoredView,
} from '../catalog/catalog.ts';
import { isUnanswered } from '../redis/failures.ts';
import type { ActivationFlip } from './activation-feed.ts';
import type { FeedMessage, RecordMessage } from './webhook-lanes.ts';
import type { WebhookMessage } from './webhook-sender.ts';

/**
 * The columns of some records in the form of a view's rows, in the order of the ids, part by part.
 */
export type ReadColumns = (
  view: StoredView,
  ids: readonly string[],
) => AsyncIterable<readonly unknown[]>;

/** The type of an event. */
export type WebhookEventType = `member.${ActivationEvent | 'synced'}` | 'test';

/** Events that are made, and put into their lanes, together. */
const TOGETHER_BYTES_MAX = 1024 * 1024;

/** A flip with the entry that holds it. */
export interface FedFlip extends ActivationFlip {
  readonly entry: string;
  readonly at: number;
}

export class WebhookPayloads {
  readonly #read: ReadColumns;
  readonly #logger: Logger;

  constructor(read: ReadColumns, logger: Logger) {
    this.#read = read;
    this.#logger = logger;
  }

  /**
   * Events of flips, in their order, some at a time. Columns are those of the moment at which the
   * event is made.
   */
  flips(
    activation: StoredActivation,
    view: StoredView,
    partition: number,
    flips: readonly FedFlip[],
  ): AsyncGenerator<FeedMessage[]> {
    return this.#together(view, flips, ({ entry, at, index, id, ...flip }, columns) => {
      const position = `${partition}-${entry}-${index}`;
      const data = { ...about(view), id, cause: flip.cause, columns: columns ?? null, position };
      const body = bodyOf(`member.${flip.entered ? 'entered' : 'left'}`, at, data);
      return {
        entry: `${entry}/${index}`,
        record: id,
        id: `evt_${position}_${activation.id}`,
        body,
      };
    });
  }

  /** Events for members that a full sync goes through, some at a time. */
  members(sync: string, view: StoredView, ids: readonly string[]): AsyncGenerator<RecordMessage[]> {
    const now = Date.now();
    const members = ids.map((id) => ({ id }));
    return this.#together(view, members, ({ id }, columns) => {
      const data = { ...about(view), id, columns: columns ?? null, sync };
      const digest = createHash('sha256').update(id).digest('hex').slice(0, 32);
      return { record: id, id: `evt_${sync}_${digest}`, body: bodyOf('member.synced', now, data) };
    });
  }

  async *#together<T extends { readonly id: string }, M extends WebhookMessage>(
    view: StoredView,
    items: readonly T[],
    make: (item: T, columns: unknown) => M,
  ): AsyncGenerator<M[]> {
    let made: M[] = [];
    let bytes = 0;
    let next = 0;
    for await (const part of this.#columns(view, items)) {
      for (const columns of part) {
        const message = make(items[next++]!, columns);
        made.push(message);
        bytes += message.body.length;
        if (bytes < TOGETHER_BYTES_MAX) continue;
        yield made;
        [made, bytes] = [[], 0];
      }
    }
    if (made.length > 0) yield made;
  }

  async *#columns(
    view: StoredView,
    items: readonly { readonly id: string }[],
  ): AsyncGenerator<readonly unknown[]> {
    let read = 0;
    try {
      for await (const part of this.#read(
        view,
        items.map(({ id }) => id),
      )) {
        read += part.length;
        yield part;
      }
    } catch (error) {
      if (isUnanswered(error)) throw error;
      this.#logger.error(
        { err: error, view: view.slug },
        'columns for webhooks could not be read; they are left out',
      );
      yield new Array<unknown>(items.length - read).fill(undefined);
    }
  }
}

/** An event that is about no record. */
export function testMessage(id: string, view: StoredView): WebhookMessage {
  return { id, body: bodyOf('test', Date.now(), about(view)) };
}

function about(view: StoredView): Record<string, unknown> {
  const { slug, object_type } = view;
  return { view: slug, ...(hasOwnQuery(view) ? {} : { segment: view.segment }), object_type };
}

function bodyOf(type: WebhookEventType, at: number, data: Record<string, unknown>): string {
  return JSON.stringify({ type, timestamp: new Date(at).toISOString(), data });
}
