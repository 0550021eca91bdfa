/** memory-world.ts – Two partitions of a simulation, for the conformance suite. */
import { statusStoreOf } from '../simulation/memory-looks.ts';
import { MemoryPartitionStore } from '../simulation/memory-partition-store.ts';
import type { Seen, StoreWorld } from './store-world.ts';

const PARTITIONS = 2;
const INSTALL = 'install';
const RECORD_LENGTH_MAX = 2 * 1024 * 1024;

export async function openMemoryWorld(): Promise<StoreWorld> {
  const options = { install: INSTALL, recordLengthMax: RECORD_LENGTH_MAX };
  const stores = Array.from({ length: PARTITIONS }, () => new MemoryPartitionStore(options));
  let written = 0;
  return {
    install: INSTALL,
    stores,
    statuses: statusStoreOf(stores, () => 0),
    tails: [],
    seen: async (partition) => seen(stores[partition]!),
    appendLog: async (partition, entry) => {
      stores[partition]!.append({ epoch: ++written, sequence: 1 }, entry);
      return stores[partition]!.content.log.last;
    },
    loseLease: async (partition) => {
      stores[partition]!.lease = undefined;
    },
    wipe: async (partition) => stores[partition]!.wipe(),
    snapshot: async (partition) => {
      const content = stores[partition]!.remember();
      return async () => stores[partition]!.rollBack(content);
    },
    close: async () => {},
  };
}

function seen({ lease, content }: MemoryPartitionStore): Seen {
  const members = [...content.members].filter(([, ids]) => ids.size > 0);
  return {
    owner: lease,
    counts: Object.fromEntries(content.counts),
    members: Object.fromEntries(members.map(([id, ids]) => [id, [...ids].sort()])),
    log: content.log.entries.map(({ id }) => id),
    inbox: content.inbox.entries.map(({ id }) => id),
  };
}
