/**
 * config.test.ts – The environment is refused with all its faults at once, and secrets stay secret.
 */
import { isAbsolute } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  CONFIG,
  ConfigError,
  type ConfigFault,
  describeConfig,
  loadConfig,
} from '../../src/config.ts';
import { DEFAULT_LIMITS, LIMITS } from '../../src/limits.ts';

const masterKey = 'master-key-0123456789';
const viewerKey = 'viewer-key-0123456789';

describe('a valid environment', () => {
  test('an empty environment gives the defaults', () => {
    const { dataFolder, ...rest } = loadConfig({});
    expect(rest).toEqual({
      host: '127.0.0.1',
      port: 8787,
      keys: [],
      partitions: 16,
      timeZone: 'UTC',
      prefix: 'rc',
      webhookAllow: [],
      limits: DEFAULT_LIMITS,
      corsOrigins: [],
      logLevel: 'info',
    });
    expect(isAbsolute(dataFolder)).toBe(true);
    expect(dataFolder.endsWith('/data')).toBe(true);
  });

  test('every variable is taken over with its type', () => {
    const config = loadConfig({
      HOST: '0.0.0.0',
      PORT: '0',
      REDIS_URL: 'rediss://user:password@redis.example:6380/2',
      ROLLCALL_DATA: '/var/lib/rollcall',
      ROLLCALL_KEYS: `master:${masterKey}, viewer:${viewerKey}`,
      ROLLCALL_PARTITIONS: '64',
      ROLLCALL_TIME_ZONE: 'Europe/Berlin',
      ROLLCALL_PREFIX: 'crm_1-b',
      ROLLCALL_WEBHOOK_ALLOW: 'hooks.internal, 10.1.0.0/16,::1',
      ROLLCALL_RATE_LIMIT: '10/second',
      ROLLCALL_PAGE_BYTES: '1000000',
      ROLLCALL_PUBLIC_URL: 'https://rollcall.example.com',
      ROLLCALL_CORS_ORIGINS: 'https://app.example.com, http://localhost:5173',
      LOG_LEVEL: 'debug',
    });
    expect(config).toEqual({
      host: '0.0.0.0',
      port: 0,
      redisUrl: 'rediss://user:password@redis.example:6380/2',
      dataFolder: '/var/lib/rollcall',
      keys: [
        { role: 'master', key: masterKey },
        { role: 'viewer', key: viewerKey },
      ],
      partitions: 64,
      timeZone: 'Europe/Berlin',
      prefix: 'crm_1-b',
      webhookAllow: ['hooks.internal', '10.1.0.0/16', '::1'],
      rateLimit: { requests: 10, windowMs: 1000 },
      limits: { ...DEFAULT_LIMITS, pageBytes: 1_000_000 },
      publicUrl: 'https://rollcall.example.com',
      corsOrigins: ['https://app.example.com', 'http://localhost:5173'],
      logLevel: 'debug',
    });
  });

  test('an empty variable counts as unset', () => {
    const config = loadConfig({
      PORT: '',
      REDIS_URL: ' ',
      ROLLCALL_KEYS: '',
      ROLLCALL_TIME_ZONE: '',
    });
    expect(config.port).toBe(8787);
    expect(config).not.toHaveProperty('redisUrl');
    expect(config.keys).toEqual([]);
  });

  test('a key may have a name', () => {
    const value = `master:${masterKey}:ada_l-1,viewer:${viewerKey}`;
    expect(loadConfig({ ROLLCALL_KEYS: value }).keys).toEqual([
      { role: 'master', key: masterKey, name: 'ada_l-1' },
      { role: 'viewer', key: viewerKey },
    ]);
  });

  test('the environment that is read is not changed', () => {
    const env = { PORT: '1', OTHER: 'x' };
    loadConfig(env);
    expect(env).toEqual({ PORT: '1', OTHER: 'x' });
  });
});

describe('faults', () => {
  test.each([
    ['PORT', 'abc'],
    ['PORT', '65536'],
    ['PORT', '1.5'],
    ['PORT', '-1'],
    ['HOST', 'a host'],
    ['REDIS_URL', 'localhost:6379'],
    ['REDIS_URL', 'http://localhost:6379'],
    ['REDIS_URL', 'redis://localhost/zero'],
    ['ROLLCALL_PARTITIONS', '0'],
    ['ROLLCALL_PARTITIONS', '1025'],
    ['ROLLCALL_TIME_ZONE', 'Mars/Olympus'],
    ['ROLLCALL_WEBHOOK_ALLOW', '127.1'],
    ['ROLLCALL_WEBHOOK_ALLOW', '10.0.0.0/33'],
    ['ROLLCALL_WEBHOOK_ALLOW', 'https://hooks.internal'],
    ['ROLLCALL_PREFIX', 'rc:'],
    ['ROLLCALL_PREFIX', 'r{c}'],
    ['LOG_LEVEL', 'loud'],
    ['ROLLCALL_RATE_LIMIT', '0'],
    ['ROLLCALL_RATE_LIMIT', '10/day'],
    ['ROLLCALL_PAGE_BYTES', '1 MB'],
    ['ROLLCALL_PAGE_BYTES', '1'],
  ])('%s=%s is refused with what is expected instead', (name, value) => {
    const faults = faultsOf({ [name]: value });
    const setting = CONFIG.find((row) => row.name === name)!;
    expect(faults[0]).toMatchObject({ name, expected: setting.expected });
  });

  test('all faults are told at once, in the order of the table', () => {
    const env = {
      LOG_LEVEL: 'loud',
      PORT: 'abc',
      ROLLCALL_TIME_ZONE: 'Mars',
      ROLLCALL_KEYS: 'x',
      ROLLCALL_PREFIX: '',
    };
    expect(faultsOf(env).map((fault) => fault.name)).toEqual([
      'PORT',
      'ROLLCALL_KEYS',
      'ROLLCALL_TIME_ZONE',
      'LOG_LEVEL',
    ]);
    const message = messageOf(env);
    expect(message).toContain('4 faults');
    expect(message).toContain('PORT is "abc"; expected: a whole number from 0 to 65535');
  });

  test('an address that others can reach needs keys', () => {
    expect(faultsOf({ HOST: '0.0.0.0' })[0]).toMatchObject({ name: 'ROLLCALL_KEYS' });
    expect(loadConfig({ HOST: '::1' }).host).toBe('::1');
    expect(loadConfig({ HOST: 'localhost' }).host).toBe('localhost');
  });
});

describe('keys', () => {
  test.each([
    ['no role', 'abcdefghijklmnopqrst', 'no role'],
    ['an unknown role', 'root:abcdefghijklmnopqrst', 'unknown role'],
    ['role and key the wrong way round', 'abcdefghijklmnopqrst:master', 'unknown role'],
    ['a short key', 'master:abcdefghijklmno', '15 characters'],
    ['a key with a blank', 'master:abcdefghijk lmnopqrst', 'blanks'],
    ['an empty entry', `master:${masterKey},`, 'entry 2 has no role'],
    ['a key that holds colons', 'editor:abcdefghij:klmnopq:rst', 'a key holds no colon'],
    ['a name of other letters', `master:${masterKey}:Ada`, 'a name is 1 to 64 of'],
    ['an empty name', `master:${masterKey}:`, 'no name behind its second colon'],
    ['a name that is too long', `master:${masterKey}:${'a'.repeat(65)}`, 'a name is 1 to 64 of'],
    [
      'the same name twice',
      `master:${masterKey}:ada,viewer:${viewerKey}:ada`,
      'entry 2 has the name of an earlier entry',
    ],
    [
      'the same key twice',
      `master:${masterKey},viewer:${masterKey}`,
      'entry 2 has the key of an earlier entry',
    ],
  ])('%s is a fault that does not show the key', (_, value, problem) => {
    const env = { ROLLCALL_KEYS: value };
    expect(faultsOf(env)[0]?.problem).toContain(problem);
    expect(messageOf(env)).not.toMatch(/abcdefghij|master-key/);
  });
});

describe('names', () => {
  test.each([
    ['ROLLCALL_TIMEZONE', 'ROLLCALL_TIME_ZONE'],
    ['ROLLCALL_KEY', 'ROLLCALL_KEYS'],
    ['ROLLCALL_PARTITION', 'ROLLCALL_PARTITIONS'],
    ['ROLLCALL_API_KEYS', 'ROLLCALL_KEYS'],
    ['ROLLCALL_DATA_DIR', 'ROLLCALL_DATA'],
    ['ROLLCALL_REDIS_URL', 'REDIS_URL'],
    ['ROLLCALL_PORT', 'PORT'],
  ])('%s is taken for a typing error of %s', (name, meant) => {
    expect(faultsOf({ [name]: '1' })).toEqual([
      { name, problem: expect.stringContaining('not a variable'), expected: meant },
    ]);
  });

  test('variables that only share the prefix are let be', () => {
    const env = {
      ROLLCALL_SOAK: '1',
      ROLLCALL_SERVICE_HOST: '10.0.0.1',
      ROLLCALL_SERVICE_PORT: '80',
      ROLLCALL_PORT: 'tcp://10.0.0.1:80',
      ROLLCALL_PORT_80_TCP_PORT: '80',
    };
    expect(loadConfig(env).port).toBe(8787);
  });
});

describe('limits', () => {
  test('each is a variable with a default within its own bounds, and one number of the configuration', () => {
    for (const [limit, { name, minimum, maximum }] of Object.entries(LIMITS)) {
      const value = DEFAULT_LIMITS[limit as keyof typeof LIMITS];
      expect(value, name).toBeGreaterThanOrEqual(minimum);
      expect(value, name).toBeLessThanOrEqual(maximum);
      expect(loadConfig({ [name]: String(minimum) }).limits).toEqual({
        ...DEFAULT_LIMITS,
        [limit]: minimum,
      });
    }
  });

  test('a rate without a window is one per minute', () => {
    expect(loadConfig({ ROLLCALL_RATE_LIMIT: '600' }).rateLimit).toEqual({
      requests: 600,
      windowMs: 60_000,
    });
  });
});

describe('the list', () => {
  test('every variable is listed with where its value comes from', () => {
    const rows = describeConfig({ PORT: '9000' });
    expect(rows.map((row) => row.name)).toEqual(CONFIG.map((setting) => setting.name));
    expect(rows.find((row) => row.name === 'PORT')).toMatchObject({
      value: '9000',
      source: 'environment',
    });
    expect(rows.find((row) => row.name === 'HOST')).toMatchObject({
      value: '127.0.0.1',
      source: 'default',
    });
  });

  test('secrets are masked and the Redis stays recognizable', () => {
    const env = {
      ROLLCALL_KEYS: `master:${masterKey}`,
      REDIS_URL: 'redis://user:password@redis.example:6379/1',
    };
    const text = JSON.stringify(describeConfig(env));
    expect(text).not.toMatch(/password|master-key/);
    expect(text).toContain('redis://***@redis.example:6379/1');
  });

  test('an environment with faults is listed too, and an unreadable secret is masked whole', () => {
    const rows = describeConfig({ PORT: 'abc', REDIS_URL: 'password@redis' });
    expect(rows.find((row) => row.name === 'PORT')?.value).toBe('abc');
    expect(rows.find((row) => row.name === 'REDIS_URL')?.value).toBe('***');
  });
});

function refusalOf(env: NodeJS.ProcessEnv): ConfigError {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the environment was accepted');
}

function faultsOf(env: NodeJS.ProcessEnv): readonly ConfigFault[] {
  return refusalOf(env).faults;
}

function messageOf(env: NodeJS.ProcessEnv): string {
  return refusalOf(env).message;
}

test.each([
  '*',
  'null',
  'app.example.com',
  'https://app.example.com/',
  'https://app.example.com/x',
  'https://*.example.com',
  'ftp://a',
  'HTTPS://app.example.com',
  'https://app.example.com:443',
])('the origin %s is none that a browser would send, and is refused', (origin) => {
  expect(() => loadConfig({ ROLLCALL_CORS_ORIGINS: `https://fine.example,${origin}` })).toThrow(
    `ROLLCALL_CORS_ORIGINS has the entry`,
  );
});
