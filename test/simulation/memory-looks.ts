/**
 * memory-looks.ts – Looks at the partitions of a simulation: the port over their plain content.
 *
 * Keeps true: a look is of one instant, as read-partition.lua is.
 */
import type { ChannelPosition } from '../../src/membership/channel-position.ts';
import type {
  CommitMark,
  Look,
  LookRequest,
  StatusStore,
} from '../../src/membership/partition-status.ts';
import { packChannelPosition } from '../../src/redis/rows/channel-position.ts';
import { COUNTED_RING, countedField } from '../../src/redis/rows/counted.ts';
import { ALL_GUARDS, type Guards } from './faults.ts';
import type { MemoryPartitionStore, PartitionContent } from './memory-partition-store.ts';

export function statusStoreOf(
  stores: readonly MemoryPartitionStore[],
  nowMs: () => number,
  guards: Guards = ALL_GUARDS,
): StatusStore {
  return {
    partitions: stores.length,
    look: async (partition, request) => {
      const { content } = stores[partition]!;
      return {
        ...positionsOf(content, nowMs()),
        ...(request.channels ? channelsOf(content, stores.length) : NO_CHANNELS),
        ...countsOf(content, request, guards),
        failures: content.failures,
        failed: content.failures === request.failures ? undefined : new Map(content.failed),
      };
    },
  };
}

function positionsOf(content: Readonly<PartitionContent>, serverMs: number) {
  const due = [...content.timers.values()].map(({ dueMs }) => dueMs);
  return {
    number: content.number,
    nonce: content.nonce,
    position: content.position.entry,
    end: content.log.last,
    inboxPosition: content.inboxPosition,
    inboxEnd: content.inbox.last,
    clockMs: content.clockMs,
    serverMs,
    dueMs: due.length === 0 ? undefined : Math.min(...due),
    catalogVersion: content.catalogVersion,
    telling: content.telling,
  };
}

const NO_CHANNELS = { sent: [], delivered: [], fanning: undefined, loss: undefined };

function channelsOf(content: Readonly<PartitionContent>, partitions: number) {
  const { sent, delivered, fanouts, resending, receiving, broken } = content;
  const fanning = [...fanouts.values()].map(({ since }) => since);
  const isLost = resending.size + receiving.size > 0;
  const loss: Look['loss'] = broken.size > 0 ? 'broken' : isLost ? 'resynchronizing' : undefined;
  return {
    sent: packed(sent, partitions),
    delivered: packed(delivered, partitions),
    fanning: fanning.length > 0 ? Math.min(...fanning) : undefined,
    loss,
  };
}

function packed(
  positions: ReadonlyMap<number | 'writer', ChannelPosition>,
  partitions: number,
): string[] {
  return Array.from({ length: partitions }, (_, other) => {
    const position = positions.get(other);
    return position ? packChannelPosition(position) : '';
  });
}

function countsOf(
  content: Readonly<PartitionContent>,
  { counted, since }: LookRequest,
  guards: Guards,
): Pick<Look, 'counts' | 'changed'> {
  const countOf = (id: number) => content.counts.get(id) ?? null;
  const changed = since && changedAfter(content, since, guards);
  return {
    counts: counted.map(countOf),
    changed: changed && new Map([...changed].map((id) => [id, countOf(id)])),
  };
}

/** @returns undefined if that commit is not one of the latest, or not in the history any more */
function changedAfter(
  { number, nonce, counted }: Readonly<PartitionContent>,
  since: CommitMark,
  { countsByNonce }: Guards,
): Set<number> | undefined {
  const isSame = (a: string, b: string) => !countsByNonce || a === b;
  if (since.number === number) return isSame(since.nonce, nonce) ? new Set() : undefined;
  if (since.number > number || number - since.number >= COUNTED_RING) return undefined;
  const changed = new Set<number>();
  for (let each = since.number; each <= number; each++) {
    const slot = counted.get(countedField(each));
    if (slot?.number !== each) return undefined;
    if (each === since.number && !isSame(slot.nonce, since.nonce)) return undefined;
    if (each === number && !isSame(slot.nonce, nonce)) return undefined;
    if (each > since.number) for (const id of slot.changed) changed.add(id);
  }
  return changed;
}
