/**
 * permissions.ts – Checks that the Redis user may do all that Rollcall does, before anything is
 * done.
 *
 * Keeps true: a user that lacks a command or a key is refused at the start, with what it lacks and
 * the line that grants it. Else a partition would stop in the middle of its work, at the first
 * batch that needs it. The table holds every command of our scripts, of our code and of BullMQ's
 * scripts; test/e2e/redis-permissions.test.ts reads all three and fails if one is missing.
 */
import type { Redis } from 'ioredis';
import { probeKeys } from './keys.ts';
import { RedisServerError } from './server-error.ts';

/**
 * Each command with arguments under which it does no harm to a key that is used for nothing else. K
 * is that key, L another one.
 */
export const NEEDED = [
  ...[
    'BZPOPMIN K 0.001',
    'CLIENT|ID',
    'CLIENT|UNBLOCK 0',
    'DEL K',
    'EXEC',
    'EXISTS K',
    'EXPIRE K 1',
    'GET K',
  ],
  ...[
    'EVAL return(1) 1 K',
    'EVALSHA 0000000000000000000000000000000000000000 1 K',
    'HDEL K f',
    'HEXISTS K f',
  ],
  ...[
    'HGET K f',
    'HGETALL K',
    'HINCRBY K f 1',
    'HKEYS K',
    'HLEN K',
    'HMGET K f',
    'HMSET K f v',
    'HSCAN K 0',
  ],
  ...[
    'HRANDFIELD K',
    'HSET K f v',
    'HSETNX K f v',
    'HSTRLEN K f',
    'HVALS K',
    'INCR K',
    'INCRBY K 1',
    'INFO',
    'LINDEX K 0',
    'LLEN K',
  ],
  ...[
    'LPOP K',
    'LPOS K v',
    'LPUSH K v',
    'LRANGE K 0 0',
    'LREM K 0 v',
    'LSET K 0 v',
    'LTRIM K 0 0',
    'MULTI',
  ],
  ...[
    'PERSIST K',
    'PEXPIRE K 1',
    'PEXPIREAT K 1',
    'PING',
    'PTTL K',
    'RENAME K L',
    'RPOP K',
    'RPOPLPUSH K L',
  ],
  ...[
    'RPUSH K v',
    'SADD K m',
    'SCARD K',
    'SET K v',
    'SINTERCARD 1 K',
    'SISMEMBER K m',
    'SMEMBERS K',
    'SMISMEMBER K m',
    'SREM K m',
  ],
  ...[
    'SCAN 0',
    'SSCAN K 0',
    'STRLEN K',
    'TIME',
    'TTL K',
    'TYPE K',
    'UNLINK K',
    'XADD K * f v',
    'XDEL K 1-0',
    'XLEN K',
  ],
  ...[
    'XRANGE K - +',
    'XREAD COUNT 1 STREAMS K 0',
    'XREVRANGE K + -',
    'XTRIM K MAXLEN 1',
    'ZADD K 0 m',
    'ZCARD K',
  ],
  ...[
    'ZCOUNT K 0 1',
    'ZLEXCOUNT K - +',
    'ZMSCORE K m',
    'ZPOPMIN K',
    'ZRANGE K 0 0',
    'ZRANGEBYLEX K - +',
  ],
  ...[
    'ZRANGEBYSCORE K 0 1',
    'ZREM K m',
    'ZREMRANGEBYRANK K 0 0',
    'ZREMRANGEBYSCORE K 0 1',
    'ZREVRANGE K 0 0',
  ],
  ...['ZREVRANGEBYSCORE K 1 0', 'ZSCAN K 0', 'ZSCORE K m'],
  // The last ones: a connection that subscribes answers nothing else until it has unsubscribed. The
  // channels themselves are not asked for: who may not use them hears of commits a little later.
  ...['SPUBLISH K m', 'SSUBSCRIBE K', 'SUNSUBSCRIBE K'],
] as const;

/** A key of each kind is written and read. */
const ON_KEYS = ['HSET K f v', 'HGETALL K'];

interface CommandSample {
  readonly command: string;
  readonly key: string;
  readonly words: readonly string[];
}

/** @throws RedisServerError that names what is missing, and how to grant it */
export async function checkPermissions(redis: Redis, prefix: string): Promise<void> {
  const { names, patterns, probe } = probeKeys(prefix);
  const commands = NEEDED.map((text) => sampleOf(text, probe));
  const keys = names.flatMap((name) => ON_KEYS.map((text) => sampleOf(text, name)));
  const user = redis.options.username ?? 'default';
  const answers =
    (await dryRun(redis, user, [...commands, ...keys])) ?? (await tryOut(redis, probe, commands));
  const lacking = commands.filter((_, at) => answers[at] === 'command');
  const closed = new Set(
    [...commands, ...keys].filter((_, at) => answers[at] === 'key').map((sample) => sample.key),
  );
  if (lacking.length === 0 && closed.size === 0) return;
  throw refusal(
    user,
    lacking.map(({ command }) => command.toLowerCase()),
    [...closed],
    patterns,
  );
}

function sampleOf(text: string, key: string): CommandSample {
  const [command = '', ...rest] = text.split(' ');
  const given = rest.map((word) => (word === 'K' ? key : word === 'L' ? `${key}:2` : word));
  return { command, key, words: [...command.split('|'), ...given] };
}

type Verdict = 'granted' | 'command' | 'key';

/**
 * Asks what would be refused; nothing is carried out. @returns undefined if this user may not ask,
 * or the server does not know how
 */
async function dryRun(
  redis: Redis,
  user: string,
  samples: readonly CommandSample[],
): Promise<Verdict[] | undefined> {
  const asked = redis.pipeline();
  for (const { words } of samples) asked.call('ACL', 'DRYRUN', user, ...words);
  const replies = (await asked.exec()) ?? [];
  const isRefused = replies.some(
    ([error]) => error && /NOPERM|unknown command|unknown subcommand/i.test(error.message),
  );
  return isRefused
    ? undefined
    : replies.map(([error, reply]) => verdictOf(error?.message ?? String(reply)));
}

/** Carries the commands out, on keys that are used for nothing else. */
async function tryOut(
  redis: Redis,
  probe: string,
  samples: readonly CommandSample[],
): Promise<Verdict[]> {
  // A pipeline has its own.
  const isLone = ({ command }: CommandSample) => command !== 'MULTI' && command !== 'EXEC';
  const answers: Verdict[] = [];
  for (const sample of samples) {
    const [name = '', ...rest] = sample.words;
    const answer = isLone(sample)
      ? await redis.call(name, ...rest).catch((error: Error) => error.message)
      : 'OK';
    answers.push(String(answer).startsWith('NOPERM') ? verdictOf(String(answer)) : 'granted');
  }
  await redis.unlink(probe, `${probe}:2`).catch(() => {}); // reported above
  return answers;
}

function verdictOf(answer: string): Verdict {
  if (/access the '.*' key|access one of the keys|No permissions to access a key/i.test(answer))
    return 'key';
  return /permissions? to (run|execute)/i.test(answer) ? 'command' : 'granted';
}

function refusal(
  user: string,
  commands: readonly string[],
  keys: readonly string[],
  patterns: readonly string[],
): RedisServerError {
  const faults = [
    ...(commands.length > 0 ? [`may not run ${commands.join(', ')}`] : []),
    ...(keys.length > 0
      ? [`may not read and write keys such as ${keys.slice(0, 4).join(', ')}`]
      : []),
  ];
  const rules = [
    ...commands.map((command) => `+${command}`),
    ...(keys.length > 0 ? patterns.map((each) => `~${each}`) : []),
  ];
  return new RedisServerError(
    `The Redis user '${user}' ${faults.join(', and ')}, which Rollcall needs. Grant ` +
      `it: ACL SETUSER ${user} ${rules.join(' ')}`,
  );
}
