/**
 * config.ts – Everything that can be set from outside, in one table: a row is a variable.
 *
 * Keeps true: a process runs on a valid configuration or says every fault of it at once. A secret
 * is in no message and no list. An empty variable counts as unset (compose files pass those). A
 * name that is nearly one of ours is a fault: a setting that is silently ignored is worse than a
 * refusal.
 */
import { resolve } from 'node:path';
import { CronExpressionParser } from 'cron-parser';
import { envSchema } from 'env-schema';
import ipaddr from 'ipaddr.js';
import { isTimeZone } from './change/time-zone.ts';
import { LIMITS, type Limits, limitsFrom } from './limits.ts';

/** Who a key speaks for; what each may do is decided by the API. */
export const ROLES = ['master', 'super_admin', 'service', 'editor', 'viewer'] as const;
export type Role = (typeof ROLES)[number];

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

export interface KeyEntry {
  readonly role: Role;
  readonly key: string;
  /** What its holder is called wherever it says who did something; else a fingerprint is. */
  readonly name?: string;
}

/** So many requests of one key in each window. */
export interface RateLimit {
  readonly requests: number;
  readonly windowMs: number;
}

interface Setting {
  readonly name: string;
  /** What an unset variable is read as. */
  readonly default?: string;
  /** What the member is instead; with neither of both it is left out of `Config`. */
  readonly unset?: unknown;
  readonly description: string;
  readonly secret?: true;
  /** Ends the sentence "expected: …". */
  readonly expected: string;
  /** What JSON Schema can check. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** What it can not: what is wrong with a value, in words without secrets. */
  readonly problems?: (value: string) => string[];
  /** The value's meaning. Caller: it has no problem. */
  readonly read: (value: string) => unknown;
}

const keyLengthMin = 16;
const KEY_NAME = /^[a-z0-9_-]{1,64}$/;
const echoedLengthMax = 60;

/** By member of `Config`. A new variable is one row here, and the place that reads the member. */
const SETTINGS = {
  host: {
    name: 'HOST',
    default: '127.0.0.1',
    description:
      'Address that the API listens on; anything but a loopback address needs ROLLCALL_KEYS',
    expected: 'an IP address or a host name',
    schema: {
      type: 'string',
      pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$|^[0-9A-Fa-f:.]+(%[A-Za-z0-9]+)?$',
    },
    read: String,
  },
  port: {
    name: 'PORT',
    default: '8787',
    description: 'Port that the API listens on; 0 takes a free one',
    expected: 'a whole number from 0 to 65535',
    schema: { type: 'integer', minimum: 0, maximum: 65_535 },
    read: Number,
  },
  redisUrl: {
    name: 'REDIS_URL',
    description: 'The Redis to run on; unset: a private one over ROLLCALL_DATA is started',
    secret: true,
    expected: 'redis://host:port or rediss://user:password@host:port/database',
    schema: { type: 'string' },
    problems: (value) => (isRedisUrl(value) ? [] : ['is not the URL of a Redis']),
    read: String,
  },
  /** Absolute. */
  dataFolder: {
    name: 'ROLLCALL_DATA',
    default: './data',
    description: 'Folder of the private Redis and of the key made at the first start',
    expected: 'a folder',
    schema: { type: 'string' },
    read: (value): string => resolve(value),
  },
  /** Empty only on a loopback address: then `serve` makes a master key. */
  keys: {
    name: 'ROLLCALL_KEYS',
    unset: [] as const,
    description:
      'Keys of the API, their roles, and how who holds them is called; unset on a loopback ' +
      'address: a master key is made and printed once',
    secret: true,
    expected:
      `role:key,role:key:name with roles ${ROLES.join(', ')}, keys of at least ` +
      `${keyLengthMin} letters, digits or signs without a colon, and names of at most ` +
      '64 of a-z, 0-9, _ and -',
    schema: { type: 'string' },
    problems: (value) => parseKeys(value).problems,
    read: (value): readonly KeyEntry[] => parseKeys(value).entries,
  },
  partitions: {
    name: 'ROLLCALL_PARTITIONS',
    default: '16',
    description: 'Number of partitions; fixed when a deployment is first started',
    expected: 'a whole number from 1 to 1024',
    schema: { type: 'integer', minimum: 1, maximum: 1_024 },
    read: Number,
  },
  timeZone: {
    name: 'ROLLCALL_TIME_ZONE',
    default: 'UTC',
    description: 'Time zone in which relative dates of filters are meant',
    expected: 'a time zone name such as Europe/Berlin',
    schema: { type: 'string' },
    problems: (value) =>
      isTimeZone(value) ? [] : [`is ${echoed(value)}, which is no known time zone`],
    read: String,
  },
  prefix: {
    name: 'ROLLCALL_PREFIX',
    default: 'rc',
    description: 'Start of every key in Redis, so that deployments can share one',
    expected: 'letters, digits, - and _ (at most 64)',
    schema: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' },
    read: String,
  },
  webhookAllow: {
    name: 'ROLLCALL_WEBHOOK_ALLOW',
    unset: [] as const,
    description: 'Where webhooks may go besides public addresses: names, addresses and CIDRs',
    expected: 'hooks.internal,10.1.0.0/16',
    schema: { type: 'string' },
    problems: (value) =>
      listed(value).flatMap((entry) => (isTarget(entry) ? [] : [`has the entry ${echoed(entry)}`])),
    read: listed,
  },
  rateLimit: {
    name: 'ROLLCALL_RATE_LIMIT',
    description:
      'Requests that one key may make: per minute, or per what follows a slash; unset: any number',
    expected: 'a number of requests such as 600, 10/second, 600/minute or 10000/hour',
    schema: { type: 'string', pattern: '^[1-9][0-9]{0,8}(/(second|minute|hour))?$' },
    read: readRateLimit,
  },
  /** Pages of these may call the API from a browser. */
  corsOrigins: {
    name: 'ROLLCALL_CORS_ORIGINS',
    unset: [] as const,
    description: 'Origins of web pages that may call the API from a browser; unset: none',
    expected:
      'https://app.example.com,http://localhost:5173 (scheme, host and port, without a path)',
    schema: { type: 'string' },
    problems: (value) =>
      listed(value).flatMap((entry) =>
        isOrigin(entry) ? [] : [`has the entry ${echoed(entry)}, which is no origin`],
      ),
    read: listed,
  },
  /** An origin. Over https the cookie of a session is for https only. */
  publicUrl: {
    name: 'ROLLCALL_PUBLIC_URL',
    description: 'Where browsers reach this server, if something in front of it speaks https',
    expected: 'https://rollcall.example.com (scheme, host and port, without a path)',
    schema: { type: 'string' },
    problems: (value) => (isOrigin(value) ? [] : [`is ${echoed(value)}, which is no origin`]),
    read: String,
  },
  /** Cron, in `timeZone`. */
  auditSchedule: {
    name: 'ROLLCALL_AUDIT_SCHEDULE',
    description:
      'When an audit is made by itself, in ROLLCALL_TIME_ZONE; unset: when one is asked for',
    expected: 'a cron expression such as "0 3 * * *" (each night at three)',
    schema: { type: 'string' },
    problems: (value) => cronProblems(value),
    read: String,
  },
  logLevel: {
    name: 'LOG_LEVEL',
    default: 'info',
    description: `How much is logged: ${LOG_LEVELS.join(', ')}`,
    expected: `one of ${LOG_LEVELS.join(', ')}`,
    schema: { type: 'string', enum: LOG_LEVELS },
    read: (value) => value as (typeof LOG_LEVELS)[number],
  },
} as const satisfies Readonly<Record<string, Setting>>;

type Settings = typeof SETTINGS;
/** With a default, or something else that stands for an unset variable. */
type Always = {
  [Member in keyof Settings]: Settings[Member] extends { default: string } | { unset: unknown }
    ? Member
    : never;
}[keyof Settings];
type MemberValue<Member extends keyof Settings> = ReturnType<Settings[Member]['read']>;

/** One member for each row of the table, and the bounds of limits.ts. */
export type Config = { readonly [Member in Always]: MemberValue<Member> } & {
  readonly [Member in Exclude<keyof Settings, Always>]?: MemberValue<Member>;
} & { readonly limits: Limits };

/** The rows above, then the bounds of limits.ts. */
export const CONFIG: readonly Setting[] = [
  ...Object.values(SETTINGS),
  ...Object.values(LIMITS).map(({ name, default: value, minimum, maximum, description }) => ({
    name,
    default: String(value),
    description,
    expected: `a whole number from ${minimum} to ${maximum}`,
    schema: { type: 'integer', minimum, maximum },
    read: Number,
  })),
];

type Values = Readonly<Record<string, string | undefined>>;

export interface ConfigFault {
  readonly name: string;
  readonly problem: string;
  readonly expected: string;
}

/** All that is wrong with the environment; the message is for the person who set it. */
export class ConfigError extends Error {
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    const lines = faults.map(
      (fault) => `  ${fault.name} ${fault.problem}; expected: ${fault.expected}`,
    );
    super(
      'The configuration has ' +
        `${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${lines.join('\n')}`,
    );
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

export interface ConfigRow {
  readonly name: string;
  readonly value: string;
  readonly source: 'environment' | 'default';
  readonly description: string;
}

/** The configuration that the environment asks for, or a `ConfigError` with all its faults. */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const values = readValues(env);
  const faults = inTableOrder([...checkForm(values), ...checkMeaning(values)]);
  const all = [...faults, ...checkNames(env)];
  if (all.length > 0) throw new ConfigError(all);
  const members = Object.entries<Setting>(SETTINGS).flatMap(([member, setting]) => {
    const value = values[setting.name] ?? setting.default;
    if (value !== undefined) return [[member, setting.read(value)]];
    return 'unset' in setting ? [[member, setting.unset]] : [];
  });
  const limits = limitsFrom(({ name, default: value }) => Number(values[name] ?? value));
  return { ...Object.fromEntries(members), limits } as Config;
}

/** What `rollcall config` lists, also for an environment that has faults. */
export function describeConfig(env: NodeJS.ProcessEnv): ConfigRow[] {
  const values = readValues(env);
  return CONFIG.map((setting) => {
    const value = values[setting.name];
    return {
      name: setting.name,
      value: value === undefined ? (setting.default ?? '') : shown(setting, value),
      source: value === undefined ? 'default' : 'environment',
      description: setting.description,
    };
  });
}

function readValues(env: NodeJS.ProcessEnv): Values {
  const entries = CONFIG.map(({ name }) => [name, env[name]?.trim()] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined && value !== ''));
}

// ── faults ──

/** What JSON Schema finds. */
function checkForm(values: Values): ConfigFault[] {
  const properties = Object.fromEntries(CONFIG.map(({ name, schema }) => [name, schema]));
  try {
    envSchema({ schema: { type: 'object', properties }, data: { ...values }, env: false });
    return [];
  } catch (error) {
    const found = (error as { errors?: { instancePath: string }[] }).errors;
    if (found === undefined) throw error;
    const names = new Set(found.map(({ instancePath }) => instancePath.slice(1)));
    return CONFIG.filter(({ name }) => names.has(name)).map((setting) =>
      faultOf(setting, `is ${echoed(values[setting.name])}`),
    );
  }
}

function checkMeaning(values: Values): ConfigFault[] {
  const faults = CONFIG.flatMap((setting) => {
    const value = values[setting.name];
    const problems = value === undefined ? [] : (setting.problems?.(value) ?? []);
    return problems.map((problem) => faultOf(setting, problem));
  });
  const host = values['HOST'] ?? SETTINGS.host.default;
  if (values['ROLLCALL_KEYS'] === undefined && !isLoopback(host)) {
    faults.push(
      faultOf(SETTINGS.keys, `is not set while HOST is ${echoed(host)}, which others can reach`),
    );
  }
  return faults;
}

/**
 * Parses `role:key[:name],…`. A problem names the entry by its place and never holds a part of it
 * that may be a key.
 */
function parseKeys(value: string): { entries: KeyEntry[]; problems: string[] } {
  const entries: KeyEntry[] = [];
  const problems: string[] = [];
  const parts = value === '' ? [] : value.split(',').map((part) => part.trim());
  for (const [index, part] of parts.entries()) {
    const [role, key, ...rest] = part.split(':').map((each) => each.trim());
    const name = rest.length === 0 ? undefined : rest.join(':');
    const entry = { role: role as Role, key: key ?? '', ...(name === undefined ? {} : { name }) };
    const problem = key === undefined ? 'has no role (no colon)' : keyProblem(entry, entries);
    if (problem === undefined) entries.push(entry);
    else problems.push(`entry ${index + 1} ${problem}`);
  }
  return { entries, problems };
}

function keyProblem(entry: KeyEntry, before: readonly KeyEntry[]): string | undefined {
  const { role, key, name } = entry;
  // What stands before the colon is not shown either: in key:role it is the key.
  if (!ROLES.includes(role)) return `has an unknown role before its colon`;
  if (!/^[\x21-\x7e]*$/.test(key)) return 'has a key with blanks or letters beyond ASCII';
  // Nor is what stands behind the second one: of a key that holds a colon it is the end.
  if (name !== undefined && !KEY_NAME.test(name))
    return (
      'has no name behind its second colon: a key holds no colon, and a name is 1 to 64 ' +
      'of a-z, 0-9, _ and -'
    );
  if (key.length < keyLengthMin) return `has a key of ${key.length} characters`;
  if (before.some((other) => other.key === key)) return 'has the key of an earlier entry';
  if (name !== undefined && before.some((other) => other.name === name))
    return 'has the name of an earlier entry';
  return undefined;
}

/**
 * A variable of ours that does not exist, if it looks like one that does. Others may share our
 * prefix and are let be.
 */
function checkNames(env: NodeJS.ProcessEnv): ConfigFault[] {
  const unknown = Object.keys(env).filter(
    (name) => name.startsWith('ROLLCALL_') && !isSetting(name),
  );
  return unknown.flatMap((name) => {
    const meant = isServiceLink(name, env[name] ?? '') ? undefined : nearestSetting(name);
    return meant === undefined
      ? []
      : [{ name, problem: 'is not a variable that Rollcall knows', expected: meant }];
  });
}

/** Kubernetes sets these in every pod next to a service called "rollcall". */
function isServiceLink(name: string, value: string): boolean {
  return (
    /^ROLLCALL_SERVICE_(HOST|PORT)/.test(name) ||
    /^ROLLCALL_PORT_\d+_/.test(name) ||
    /^(tcp|udp):\/\//.test(value)
  );
}

function nearestSetting(name: string): string | undefined {
  const withoutPrefix = name.slice('ROLLCALL_'.length);
  const words = new Set(withoutPrefix.split('_'));
  const names = CONFIG.map((setting) => setting.name);
  const ours = names.filter((known) => known.startsWith('ROLLCALL_'));
  return (
    names.find((known) => known === withoutPrefix) ??
    ours.find((known) => editDistance(known, name) <= 2) ??
    ours.find((known) =>
      known
        .slice('ROLLCALL_'.length)
        .split('_')
        .some((word) => words.has(word)),
    )
  );
}

/** Levenshtein: letters to insert, delete or replace. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

const WINDOWS_MS: Readonly<Record<string, number>> = {
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
};

function readRateLimit(value: string): RateLimit {
  const [requests, per = 'minute'] = value.split('/');
  return { requests: Number(requests), windowMs: WINDOWS_MS[per]! };
}

function cronProblems(value: string): string[] {
  const fields = value.split(/\s+/).length;
  if (fields !== 5) return [`is ${echoed(value)}, which has ${fields} fields and not five`];
  try {
    CronExpressionParser.parse(value, { tz: 'UTC' });
    return [];
  } catch (error) {
    return [`is ${echoed(value)}, which is no such expression (${(error as Error).message})`];
  }
}

// ── small questions ──

function isRedisUrl(value: string): boolean {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || url.hostname === '') return false;
  return ['redis:', 'rediss:'].includes(url.protocol) && /^\/?\d*$/.test(url.pathname);
}

function listed(value: string): string[] {
  return value
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

/** A host name, an address in its plain form, or a CIDR. What is nearly an address is no name. */
function isTarget(entry: string): boolean {
  if (
    ipaddr.IPv4.isValidFourPartDecimal(entry) ||
    ipaddr.IPv6.isValid(entry) ||
    ipaddr.isValidCIDR(entry)
  )
    return true;
  const isNumeric = /(^|\.)(\d+|0x[0-9a-f]*)\.?$/i.test(entry);
  return !isNumeric && /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?$/.test(entry);
}

/** As a browser writes it: `https://app.example.com` and no more. A star would be everybody. */
function isOrigin(entry: string): boolean {
  const url = URL.canParse(entry) ? new URL(entry) : undefined;
  return (
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    url.origin === entry &&
    !entry.includes('*')
  );
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function isSetting(name: string): boolean {
  return CONFIG.some((setting) => setting.name === name);
}

function faultOf(setting: Setting, problem: string): ConfigFault {
  return { name: setting.name, problem, expected: setting.expected };
}

function inTableOrder(faults: readonly ConfigFault[]): ConfigFault[] {
  return CONFIG.flatMap((setting) => faults.filter((fault) => fault.name === setting.name));
}

function echoed(value: string | undefined): string {
  const text = value ?? '';
  return JSON.stringify(
    text.length > echoedLengthMax ? `${text.slice(0, echoedLengthMax)}…` : text,
  );
}

/** Of a URL the host stays readable: a reader of the list wants to know which Redis it is. */
function shown(setting: Setting, value: string): string {
  if (!setting.secret) return value;
  if (setting.name !== 'REDIS_URL' || !isRedisUrl(value)) return '***';
  const url = new URL(value);
  return `${url.protocol}//${url.username || url.password ? '***@' : ''}${url.host}${url.pathname}`;
}
