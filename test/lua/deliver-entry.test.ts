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
) {
  return runScript(
    bench.redis,
    'deliverEntry',
    { stream: keys.log, delivered: keys.delivered },
    { source, epoch, base: 0, sequence, entriesMax: most, nowMs: 1 },
    { arguments: ['c', payload] },
  );
}

async function payloads(): Promise<string[]> {
  return (await bench.redis.xrange(keys.log, '-', '+')).map(([, fields]) => fields[1]!);
}

describe('a delivery', () => {
  it('is appended when it is the next of its source, and says under which id', async () => {
    const answer = await deliver(1);
    expect(answer.status).toBe('appended');
    const { entry } = answer as { entry: string };
    expect(await bench.redis.xrange(keys.log, entry, entry)).toHaveLength(1);
  });

  it('that comes again is a duplicate, names its entry, and is not appended', async () => {
    const { entry } = (await deliver(1)) as { entry: string };
    expect(await deliver(1)).toEqual({ status: 'duplicate', entry });
    expect(await payloads()).toEqual(['p1']);
  });

  it('that comes again after a later one is a duplicate: A, B, A leaves A, B', async () => {
    await deliver(1);
    await deliver(2);
    expect(await deliver(1)).toEqual({ status: 'duplicate', entry: '' });
    expect(await payloads()).toEqual(['p1', 'p2']);
  });

  it('that leaves one out is a gap, and is not appended', async () => {
    await deliver(1);
    expect(await deliver(3)).toEqual({ status: 'gap', last: 1 });
    expect(await payloads()).toEqual(['p1']);
  });

  it('of an epoch that was closed is old, whatever its number', async () => {
    await deliver(1);
    expect((await deliver(1, { epoch: 2, payload: 'new' })).status).toBe('appended');
    expect(await deliver(2, { epoch: 1, payload: 'late' })).toEqual({ status: 'old', epoch: 2 });
    expect(await payloads()).toEqual(['p1', 'new']);
  });

  it('of one source says nothing about another', async () => {
    await deliver(1);
    expect((await deliver(1, { source: 't', payload: 'other' })).status).toBe('appended');
    expect(await payloads()).toEqual(['p1', 'other']);
  });

  it('is refused by a full log, and can be sent again under its number', async () => {
    await deliver(1);
    expect(await deliver(2, { most: 1 })).toEqual({ status: 'full', entries: 1 });
    expect((await deliver(2, { most: 2 })).status).toBe('appended');
  });
});
