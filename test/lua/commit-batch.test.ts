import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { COMMAND_ARGUMENTS_MAX, CommitCommands } from '../../src/redis/commit-commands.ts';
import { Keys, type PartitionKeys } from '../../src/redis/keys.ts';
import { sendScript } from '../../src/redis/scripts.ts';
import { freshPrefix } from '../support/redis.ts';
import { openScriptBench, type ScriptBench } from '../support/scripts.ts';

let bench: ScriptBench;
let keys: PartitionKeys;

beforeAll(async () => {
  bench = await openScriptBench();
});
afterAll(() => bench.redis.disconnect());
beforeEach(async () => {
  keys = new Keys(freshPrefix(), 1).partitions[0]!;
  await bench.redis.set(keys.owner, 'me', 'PX', 60_000);
  await bench.redis.hset(keys.meta, 'number', 7, 'nonce', 'seven');
});

interface Header {
  token?: string;
  before?: number;
  number?: number;
  nonce?: string;
}

function commit(
  commands: CommitCommands,
  { token = 'me', before = 7, number = 8, nonce = 'eight' }: Header = {},
): Promise<unknown> {
  return sendScript(bench.redis, 'commitBatch', commands.keys, [
    token,
    before,
    number,
    nonce,
    3000,
    ...commands.arguments,
  ]);
}

function oneWrite(): CommitCommands {
  const commands = new CommitCommands([keys.owner, keys.meta]);
  commands.add('HSET', keys.records('contacts'), ['a', '{}']);
  return commands;
}

const written = () => bench.redis.hget(keys.records('contacts'), 'a');

describe('a commit on top of the last one', () => {
  it('is ok, writes, and moves number, nonce and lease on', async () => {
    expect(await commit(oneWrite())).toBe('ok');
    expect(await written()).toBe('{}');
    expect(await bench.redis.hmget(keys.meta, 'number', 'nonce')).toEqual(['8', 'eight']);
    expect(await bench.redis.pttl(keys.owner)).toBeLessThanOrEqual(3000);
  });

  it('takes the lease again when that has run out and nobody else has come', async () => {
    await bench.redis.del(keys.owner);
    expect(await commit(oneWrite())).toBe('ok');
    expect(await bench.redis.get(keys.owner)).toBe('me');
    expect(await bench.redis.pttl(keys.owner)).toBeGreaterThan(0);
  });

  it('is whole where a key that may be removed holds another kind of value', async () => {
    const { followed, counted, meta } = keys;
    await bench.redis.set(followed, 'x');
    await bench.redis.sadd(counted, 'x');
    const commands = oneWrite();
    commands.add('HSET', followed, ['3', '5']);
    commands.add('HDEL', counted, ['1']);
    const loose = [followed, counted].map((key) => commands.keyIndex(key));
    commands.addWhole('LOOSE', meta, ...loose);
    expect(await commit(commands)).toBe('ok');
    expect(await written()).toBe('{}');
    expect(await bench.redis.hgetall(followed)).toEqual({ 3: '5' });
    expect(await bench.redis.exists(counted)).toBe(0);
    expect(await bench.redis.hget(meta, 'number')).toBe('8');
  });

  it('is a duplicate when it comes again, and writes nothing then', async () => {
    await commit(oneWrite());
    await bench.redis.hset(keys.records('contacts'), 'a', 'changed since');
    expect(await commit(oneWrite())).toBe('duplicate');
    expect(await written()).toBe('changed since');
  });
});

describe('a commit is refused and writes nothing', () => {
  it('under another token', async () => {
    expect(await commit(oneWrite(), { token: 'you' })).toBe('fenced');
    expect(await written()).toBeNull();
  });

  it('when the lease has run out and another owner has committed and gone', async () => {
    await bench.redis.del(keys.owner);
    await bench.redis.hset(keys.meta, 'number', 8, 'nonce', 'theirs');
    expect(await commit(oneWrite())).toBe('fenced');
    expect(await written()).toBeNull();
  });

  it('when the stored number is lower than its own before: a fail-over lost a tail', async () => {
    expect(await commit(oneWrite(), { before: 9, number: 10 })).toBe('rolled-back');
    expect(await written()).toBeNull();
  });

  it('when somebody else has committed its number with another nonce', async () => {
    expect(await commit(oneWrite(), { before: 6, number: 7, nonce: 'other' })).toBe('fenced');
    expect(await written()).toBeNull();
  });

  it.each([
    ['a verb that it does not know', ['FLUSHALL', 2, 0]],
    ['a key that is not in KEYS', ['HSET', 9, 2, 'x', 'y']],
    ['fewer arguments than it says', ['HSET', 2, 4, 'x', 'y']],
  ])('as a whole with %s, also what comes before it', async (_, malformed) => {
    const commands = oneWrite();
    commands.arguments.push(...(malformed as (string | number)[]));
    await expect(commit(commands)).rejects.toThrow('malformed command');
    expect(await written()).toBeNull();
    expect(await bench.redis.hget(keys.meta, 'number')).toBe('7');
  });
});

describe('the commands of a commit', () => {
  it('set counts from the member sets, after those have changed', async () => {
    const commands = new CommitCommands([keys.owner, keys.meta]);
    commands.add('SADD', keys.segment(4), ['a', 'b', 'b']);
    commands.add('COUNT', keys.counts, [
      4,
      commands.keyIndex(keys.segment(4)),
      5,
      commands.keyIndex(keys.segment(5)),
    ]);
    expect(await commit(commands)).toBe('ok');
    expect(await bench.redis.hgetall(keys.counts)).toEqual({ 4: '2', 5: '0' });
  });

  it('are cut below the number of arguments that Lua can unpack', async () => {
    const ids = Array.from({ length: 3 * COMMAND_ARGUMENTS_MAX + 1 }, (_, i) => String(i));
    const commands = new CommitCommands([keys.owner, keys.meta]);
    commands.add('SADD', keys.segment(4), ids);
    expect(await commit(commands)).toBe('ok');
    expect(await bench.redis.scard(keys.segment(4))).toBe(ids.length);
  });

  it('would fail uncut: Lua does not unpack 8000 arguments', async () => {
    const ids = Array.from({ length: 8000 }, (_, i) => String(i));
    const commands = new CommitCommands([keys.owner, keys.meta]);
    commands.addWhole('SADD', keys.segment(4), ...ids);
    await expect(commit(commands)).rejects.toThrow('too many results to unpack');
  });
});
