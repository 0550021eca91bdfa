/**
 * stream-entry.ts – The fields of entries in logs, inboxes and outboxes.
 *
 * Keeps true: what one function packs the other reads by name, whatever the order of the fields.
 */
import type {
  OutboxEntry,
  StoredInboxEntry,
  StoredLogEntry,
  WaitingEntry,
} from '../../engine/partition-store.ts';
import { pairs } from '../pairs.ts';
import type { StreamEntry } from '../stream-tail.ts';

/** The catalog version at which changes were checked, who waits for their outcomes, the changes. */
const LOG = { checkedAt: 'v', replyTo: 'w', payload: 'c' } as const;
/** The partition that sent it (inboxes only), its catalog version, its messages. */
const INBOX = { from: 'p', catalogVersion: 'v', payload: 'm' } as const;

export function packLogEntry({
  checkedAt,
  replyTo,
  payload,
}: Omit<StoredLogEntry, 'id'>): string[] {
  const fields = [LOG.checkedAt, String(checkedAt), LOG.payload, payload];
  if (replyTo !== undefined) fields.push(LOG.replyTo, replyTo);
  return fields;
}

/**
 * A missing field reads as empty: an entry that Rollcall did not write goes to the dead letters.
 */
export function readLogEntry([id, fields]: StreamEntry): StoredLogEntry {
  const members = pairs(fields);
  return {
    id,
    checkedAt: Number(members.get(LOG.checkedAt) ?? 0),
    replyTo: members.get(LOG.replyTo),
    payload: members.get(LOG.payload) ?? '',
  };
}

export function packInboxEntry({
  from,
  catalogVersion,
  payload,
}: Omit<StoredInboxEntry, 'id'>): (string | number)[] {
  return [INBOX.from, from, INBOX.catalogVersion, catalogVersion, INBOX.payload, payload];
}

export function readInboxEntry([id, fields]: StreamEntry): StoredInboxEntry {
  const members = pairs(fields);
  return {
    id,
    from: Number(members.get(INBOX.from)),
    catalogVersion: Number(members.get(INBOX.catalogVersion) ?? 0),
    payload: members.get(INBOX.payload) ?? '',
  };
}

/** Its id is its sequence. */
export function packOutboxEntry({
  catalogVersion,
  payload,
}: Pick<OutboxEntry, 'catalogVersion' | 'payload'>): (string | number)[] {
  return [INBOX.catalogVersion, catalogVersion, INBOX.payload, payload];
}

export function readOutboxEntry([id, fields]: StreamEntry): WaitingEntry {
  const members = pairs(fields);
  return {
    sequence: Number(id.split('-')[0]),
    catalogVersion: Number(members.get(INBOX.catalogVersion) ?? 0),
    payload: members.get(INBOX.payload) ?? '',
  };
}
