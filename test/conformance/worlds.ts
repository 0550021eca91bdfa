/** worlds.ts – The implementations of the partition store. */
import { openRedisWorld } from './redis-world.ts';
import type { StoreWorld } from './store-world.ts';

export interface NamedWorld {
  readonly name: string;
  readonly open: () => Promise<StoreWorld>;
}

export const WORLDS: readonly NamedWorld[] = [{ name: 'Redis', open: openRedisWorld }];
