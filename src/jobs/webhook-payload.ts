/**
 * webhook-payload.ts – What a webhook says: who entered or left which view, and the view's columns of that record.
 *
 * Keeps true: an event's id follows from the entry of the feed that it comes from, or from the sync and the record, and from
 * nothing else, so that whoever makes it again makes it with the same id; an event whose columns can't be read is told without
 * them rather than held back.
 */
import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import { hasOwnQuery, type StoredActivation, type StoredView } from '../catalog/catalog.ts';
import type { ActivationFlip } from '../membership/activation-feed.ts';
import { isUnanswered } from '../redis/connection.ts';
import type { FeedMessage, RecordMessage } from './webhook-lanes.ts';
import type { WebhookMessage } from './webhook-sender.ts';

/** The columns of some records in the form of a view's rows, in the order of the ids. */
export type ReadColumns = (view: StoredView, ids: readonly string[]) => Promise<readonly unknown[]>;

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

  /** Events of flips, in their order. Columns are those of the moment at which the event is made. */
  async flips(
    activation: StoredActivation,
    view: StoredView,
    partition: number,
    flips: readonly FedFlip[],
  ): Promise<FeedMessage[]> {
    const columns = await this.#columns(
      view,
      flips.map(({ id }) => id),
    );
    return flips.map(({ entry, at, index, id, entered }, number) => {
      const position = `${partition}-${entry}-${index}`;
      const data = { ...about(view), id, columns: columns[number] ?? null, position };
      const body = bodyOf(`member.${entered ? 'entered' : 'left'}`, at, data);
      return { entry, record: id, id: `evt_${position}_${activation.id}`, body };
    });
  }

  /** Events for members that a full sync goes through. */
  async members(sync: string, view: StoredView, ids: readonly string[]): Promise<RecordMessage[]> {
    const columns = await this.#columns(view, ids);
    const now = Date.now();
    return ids.map((id, number) => {
      const data = { ...about(view), id, columns: columns[number] ?? null, sync };
      const digest = createHash('sha256').update(id).digest('hex').slice(0, 32);
      return { record: id, id: `evt_${sync}_${digest}`, body: bodyOf('member.synced', now, data) };
    });
  }

  async #columns(view: StoredView, ids: readonly string[]): Promise<readonly unknown[]> {
    try {
      return await this.#read(view, ids);
    } catch (error) {
      if (isUnanswered(error)) throw error;
      this.#logger.error({ err: error, view: view.slug }, 'columns for webhooks could not be read; they are left out');
      return [];
    }
  }
}

/** An event that says nothing of any record. */
export function testMessage(id: string, view: StoredView): WebhookMessage {
  return { id, body: bodyOf('test', Date.now(), about(view)) };
}

function about(view: StoredView): Record<string, unknown> {
  const { slug, object_type } = view;
  return { view: slug, ...(hasOwnQuery(view) ? {} : { segment: view.segment }), object_type };
}

function bodyOf(type: string, at: number, data: Record<string, unknown>): string {
  return JSON.stringify({ type, timestamp: new Date(at).toISOString(), data });
}
