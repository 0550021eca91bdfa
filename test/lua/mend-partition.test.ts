/**
 * mend-partition.test.ts – A mend writes only where what it was decided by is still so; an expelled
 * owner commits nothing more.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CommitCommands } from '../../src/redis/commit-commands.ts';
import { Keys, type PartitionKeys } from '../../src/redis/keys.ts';
import { type GuardedWrite, mendArguments } from '../../src/redis/mends.ts';
import { runScript, sendScript } from '../../src/redis/scripts.ts';
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

function mend(how: GuardedWrite): Promise<unknown> {
  const { keys: named, arguments: given } = mendArguments(how);
  return sendScript(bench.redis, 'mendPartition', named, given);
}

/** Removes the state row of a, if that is as it was, and a is (not) a record as it was. */
const removal = (record: string | null): GuardedWrite => ({
  verb: 'HDEL',
  key: keys.state('contacts'),
  arguments: ['a'],
  guards: [
    { key: keys.records('contacts'), field: 'a', value: record },
    { key: keys.state('contacts'), field: 'a', value: 'row' },
  ],
});

describe('a mend', () => {
  beforeEach(() => bench.redis.hset(keys.state('contacts'), 'a', 'row'));

  it('is carried out if all that it was decided by is so', async () => {
    expect(await mend(removal(null))).toBe('mended');
    expect(await bench.redis.exists(keys.state('contacts'))).toBe(0);
    await bench.redis.hset(keys.state('contacts'), 'a', 'row');
    await bench.redis.hset(keys.records('contacts'), 'a', '{}');
    expect(await mend(removal('{}'))).toBe('mended');
  });

  it.each([
    ['the record has come', () => bench.redis.hset(keys.records('contacts'), 'a', '{}'), null],
    [
      'the record is another',
      () => bench.redis.hset(keys.records('contacts'), 'a', '{"v":2}'),
      '{"v":1}',
    ],
    ['the record is gone', async () => {}, '{}'],
    ['the row is another', () => bench.redis.hset(keys.state('contacts'), 'a', 'other'), null],
  ])('writes nothing when %s meanwhile', async (_, happens, record) => {
    await happens();
    expect(await mend(removal(record))).toBe('moved');
    expect(await bench.redis.hexists(keys.state('contacts'), 'a')).toBe(1);
  });

  it('writes what it says', async () => {
    expect(
      await mend({ verb: 'ZADD', key: keys.due, arguments: [7, 'contacts:a'], guards: [] }),
    ).toBe('mended');
    expect(await bench.redis.zscore(keys.due, 'contacts:a')).toBe('7');
    expect(await mend({ verb: 'ZREM', key: keys.due, arguments: ['contacts:a'], guards: [] })).toBe(
      'mended',
    );
    expect(
      await mend({ verb: 'UNLINK', key: keys.state('contacts'), arguments: [], guards: [] }),
    ).toBe('mended');
    expect(await bench.redis.exists(keys.state('contacts'), keys.due)).toBe(0);
  });
});

describe('a mend of several writes', () => {
  const write = (state: string | null): GuardedWrite => ({
    verb: 'HSET',
    key: keys.state('contacts'),
    arguments: ['a', 'head'],
    more: [
      { verb: 'HSET', key: keys.blocks('contacts'), arguments: ['1:a', 'new', '2:a', 'newer'] },
      { verb: 'HDEL', key: keys.blocks('contacts'), arguments: ['3:a'] },
    ],
    guards: [
      { key: keys.state('contacts'), field: 'a', value: state },
      { key: keys.blocks('contacts'), field: '3:a', value: 'old' },
    ],
  });
  beforeEach(() => bench.redis.hset(keys.blocks('contacts'), '3:a', 'old'));

  it('carries out all of them', async () => {
    expect(await mend(write(null))).toBe('mended');
    expect(await bench.redis.hgetall(keys.state('contacts'))).toEqual({ a: 'head' });
    const blocks = await bench.redis.hgetall(keys.blocks('contacts'));
    expect(blocks).toEqual({ '1:a': 'new', '2:a': 'newer' });
  });

  it('carries out none if one thing is not as it was', async () => {
    await bench.redis.hset(keys.blocks('contacts'), '3:a', 'newer');
    expect(await mend(write(null))).toBe('moved');
    expect(await bench.redis.hgetall(keys.blocks('contacts'))).toEqual({ '3:a': 'newer' });
    expect(await bench.redis.exists(keys.state('contacts'))).toBe(0);
  });
});

describe('a mend of a block that no head names', () => {
  const unnamed = (): GuardedWrite => ({
    verb: 'HDEL',
    key: keys.blocks('contacts'),
    arguments: ['7:a'],
    guards: [{ key: keys.state('contacts'), field: 'a', unnamed: '7' }],
  });
  beforeEach(() => bench.redis.hset(keys.blocks('contacts'), '7:a', '0'));

  it.each([null, 'garbage', '5;;', ';7;0', ';1,17,70;0', ';1,2;,7;'])(
    'removes it while the head is %j',
    async (head) => {
      if (head !== null) await bench.redis.hset(keys.state('contacts'), 'a', head);
      expect(await mend(unnamed())).toBe('mended');
      expect(await bench.redis.exists(keys.blocks('contacts'))).toBe(0);
    },
  );

  it.each([';1,7;0', '5;1,7,9;0', ';1,2,7;0'])('leaves it if that is %j', async (head) => {
    await bench.redis.hset(keys.state('contacts'), 'a', head);
    expect(await mend(unnamed())).toBe('moved');
    expect(await bench.redis.hget(keys.blocks('contacts'), '7:a')).toBe('0');
  });
});

describe('an owner that is expelled', () => {
  const expel = () => runScript(bench.redis, 'expelOwner', keys, { nonce: 'nobody' });
  const commit = () => {
    const commands = new CommitCommands([keys.owner, keys.meta]);
    commands.add('HSET', keys.records('contacts'), ['a', '{}']);
    return sendScript(bench.redis, 'commitBatch', commands.keys, [
      'me',
      7,
      8,
      'eight',
      3000,
      ...commands.arguments,
    ]);
  };
  beforeEach(async () => {
    await bench.redis.set(keys.owner, 'me', 'PX', 60_000);
    await bench.redis.hset(keys.meta, 'number', 7, 'nonce', 'seven');
  });

  it('is refused as fenced, whether its commit was under way or not', async () => {
    expect(await expel()).toBe('expelled');
    expect(await commit()).toBe('fenced');
    expect(await bench.redis.exists(keys.records('contacts'))).toBe(0);
    await bench.redis.hset(keys.meta, 'number', 7, 'nonce', 'seven');
    expect(await commit()).toBe('ok');
    await expel();
    expect(await commit()).toBe('fenced'); // sent once more, for its answer was lost: it is taken anew, from what is stored
    expect(await bench.redis.hget(keys.meta, 'number')).toBe('9');
  });

  it('is nobody where nothing was ever committed', async () => {
    await bench.redis.del(keys.meta);
    expect(await expel()).toBe('none');
    expect(await bench.redis.exists(keys.meta)).toBe(0);
  });
});
