import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Keys, type PartitionKeys } from '../../src/redis/keys.ts';
import { runScript } from '../../src/redis/scripts.ts';
import { freshPrefix } from '../support/redis.ts';
import { openScriptBench, type ScriptBench } from '../support/scripts.ts';

let bench: ScriptBench;
let keys: PartitionKeys;

beforeAll(async () => {
  bench = await openScriptBench();
});
afterAll(() => bench.redis.disconnect());
beforeEach(() => {
  keys = new Keys(freshPrefix(), 1).partitions[0]!;
});

function deliver(
  sequence: number,
  { source = 's', epoch = 1, most = 0, payload = `p${sequence}` } = {},
): Promise<string[]> {
  return runScript(
    bench.redis,
    'deliverEntry',
    [keys.log, keys.delivered],
    [source, epoch, 0, sequence, most, 1, 'c', payload],
  );
}

async function payloads(): Promise<string[]> {
  return (await bench.redis.xrange(keys.log, '-', '+')).map(([, fields]) => fields[1]!);
}

describe('a delivery', () => {
  it('is appended when it is the next of its source, and says under which id', async () => {
    const [answer, entry] = await deliver(1);
    expect(answer).toBe('appended');
    expect(await bench.redis.xrange(keys.log, entry!, entry!)).toHaveLength(1);
  });

  it('that comes again is a duplicate, names its entry, and is not appended', async () => {
    const [, entry] = await deliver(1);
    expect(await deliver(1)).toEqual(['duplicate', entry]);
    expect(await payloads()).toEqual(['p1']);
  });

  it('that comes again after a later one is a duplicate: A, B, A leaves A, B', async () => {
    await deliver(1);
    await deliver(2);
    expect(await deliver(1)).toEqual(['duplicate', '']);
    expect(await payloads()).toEqual(['p1', 'p2']);
  });

  it('that leaves one out is a gap, and is not appended', async () => {
    await deliver(1);
    expect(await deliver(3)).toEqual(['gap', '1']);
    expect(await payloads()).toEqual(['p1']);
  });

  it('of an epoch that was closed is old, whatever its number', async () => {
    await deliver(1);
    expect((await deliver(1, { epoch: 2, payload: 'new' }))[0]).toBe('appended');
    expect(await deliver(2, { epoch: 1, payload: 'late' })).toEqual(['old', '2']);
    expect(await payloads()).toEqual(['p1', 'new']);
  });

  it('of one source says nothing about another', async () => {
    await deliver(1);
    expect((await deliver(1, { source: 't', payload: 'other' }))[0]).toBe('appended');
    expect(await payloads()).toEqual(['p1', 'other']);
  });

  it('is refused by a full log, and can be sent again under its number', async () => {
    await deliver(1);
    expect(await deliver(2, { most: 1 })).toEqual(['full', '1']);
    expect((await deliver(2, { most: 2 }))[0]).toBe('appended');
  });
});
