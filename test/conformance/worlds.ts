/** worlds.ts – The implementations of the partition store. */
import { openMemoryWorld } from './memory-world.ts';
import { openRedisWorld } from './redis-world.ts';
import type { StoreWorld } from './store-world.ts';

export interface NamedWorld {
  readonly name: string;
  readonly open: () => Promise<StoreWorld>;
  /** Whether it keeps what is for readers alone, trims streams, and can be followed. */
  readonly isForReaders: boolean;
}

export const WORLDS: readonly NamedWorld[] = [
  { name: 'Redis', open: openRedisWorld, isForReaders: true },
  { name: 'the simulation', open: openMemoryWorld, isForReaders: false },
];
