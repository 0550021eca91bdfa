import { describe, expect, inject, it } from 'vitest';
import { crc16, partitionOf } from '../../../src/change/partition.ts';
import { openConnection } from '../../../src/redis/connection.ts';

describe('the partition of a record', () => {
  it('is CRC16 of the Redis Cluster specification', () => {
    expect(crc16('123456789')).toBe(0x31c3);
  });

  it('is computed over UTF-8, as the server does', async () => {
    const redis = openConnection({ url: inject('redisUrl') });
    await redis.connect();
    for (const id of ['', 'a', 'ä', '日本', '😀', 'contact-17']) {
      // CLUSTER KEYSLOT is refused without cluster mode; the slot of a key is what the
      // specification says
      const slot = await redis.call('CLUSTER', 'KEYSLOT', id).catch(() => undefined);
      if (slot !== undefined) expect(crc16(id) % 16384).toBe(slot);
      expect(partitionOf(id, 16)).toBe(crc16(id) % 16);
    }
    redis.disconnect();
  });

  it('spreads ids evenly', () => {
    const sizes = new Array<number>(16).fill(0);
    for (let i = 0; i < 16_000; i++) sizes[partitionOf(`contact-${i}`, 16)]!++;
    expect(Math.min(...sizes)).toBeGreaterThan(800);
    expect(Math.max(...sizes)).toBeLessThan(1200);
  });
});
