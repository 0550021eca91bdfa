/**
 * message.ts – The messages between partitions: state about one (edge, target), never a difference.
 *
 * Keeps true: a message holds all that its sender knows about the pair, so that a repeat or a
 * resynchronization is harmless. Messages of one partition to another arrive in their order. A
 * change that moves nothing that is asked for sends nothing.
 */
import { unreachable } from '../errors.ts';
import type { Aggregate, Shared } from '../membership/neighbour-row.ts';
import type { StoredInboxEntry } from './partition-store.ts';

/** Between them a partition resends all that it knows: what it does not send is not so. */
type Mark = { readonly kind: 'snapshot-begin' } | { readonly kind: 'snapshot-end' };

/** `edge` is the edge's id: a relationship that is re-declared is another edge. */
type StateMessage =
  /**
   * From a partition of holders to the target's: what its holders add up to; null: it has none any
   * more.
   */
  | {
      readonly kind: 'holder-aggregate';
      readonly edge: number;
      readonly target: string;
      readonly aggregate: Aggregate | null;
    }
  /**
   * From the target's partition to one of holders: what the target shows; null: it is absent or
   * archived.
   */
  | {
      readonly kind: 'target-state';
      readonly edge: number;
      readonly target: string;
      readonly shared: Shared | null;
    };

/**
 * From a partition of holders to the target's: of some values whether its holders have them, for a
 * shared predicate of theirs. Values go by their names (membership/value-key.ts).
 */
export interface HolderValues {
  readonly kind: 'holder-values';
  readonly edge: number;
  readonly target: string;
  readonly predicateId: number;
  readonly held: readonly string[];
  readonly gone: readonly string[];
}

export type Message = StateMessage | HolderValues | Mark;

/** One entry of an inbox: messages of one commit of one partition. */
export interface InboxEntry {
  readonly id: string;
  /** The partition that sent it. */
  readonly from: number;
  /** The catalog version of its sender. */
  readonly catalogVersion: number;
  readonly messages: readonly Message[];
  /** Why the entry could not be read; it goes to the dead letters. */
  readonly malformed?: string;
  readonly payload: string;
}

type Packed =
  | readonly ['a', number, string, Aggregate | null]
  | readonly ['e', number, string, Shared | null]
  | readonly ['v', number, string, number, readonly string[], readonly string[]]
  | readonly ['snapshot-begin' | 'snapshot-end'];

export function packMessages(messages: readonly Message[]): string {
  return JSON.stringify(messages.map(packed));
}

function packed(message: Message): Packed {
  switch (message.kind) {
    case 'holder-aggregate':
      return ['a', message.edge, message.target, message.aggregate];
    case 'target-state':
      return ['e', message.edge, message.target, message.shared];
    case 'holder-values':
      return ['v', message.edge, message.target, message.predicateId, message.held, message.gone];
    case 'snapshot-begin':
    case 'snapshot-end':
      return [message.kind];
    default:
      return unreachable(message);
  }
}

function unpackMessages(payload: string): Message[] {
  return (JSON.parse(payload) as Packed[]).map((message): Message => {
    switch (message[0]) {
      case 'a':
        return {
          kind: 'holder-aggregate',
          edge: message[1],
          target: message[2],
          aggregate: message[3],
        };
      case 'e':
        return { kind: 'target-state', edge: message[1], target: message[2], shared: message[3] };
      case 'v':
        return {
          kind: 'holder-values',
          edge: message[1],
          target: message[2],
          predicateId: message[3],
          held: message[4],
          gone: message[5],
        };
      case 'snapshot-begin':
      case 'snapshot-end':
        return { kind: message[0] };
      default:
        throw new Error(`there is no message of the kind ${JSON.stringify(message[0])}`);
    }
  });
}

/** Parses an entry as the store holds it. Never throws: what can't be read is `malformed`. */
export function readInboxEntry(stored: StoredInboxEntry): InboxEntry {
  try {
    return { ...stored, messages: unpackMessages(stored.payload) };
  } catch (error) {
    return { ...stored, messages: [], malformed: (error as Error).message };
  }
}
