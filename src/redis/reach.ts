/**
 * reach.ts – The first connection to a Redis that the operator named: it works, or a message says
 * why not and what to do.
 *
 * Keeps true: each message names the server without user and password, the fault, and the next
 * step; it comes within REACH_MS. Later connections reconnect by themselves and only log.
 */
import { Redis } from 'ioredis';
import { RedisServerError } from './server-error.ts';

const REACH_MS = 5_000;

/** @throws RedisServerError */
export async function reachRedis(url: string): Promise<void> {
  const redis = new Redis(url, {
    lazyConnect: true,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    connectTimeout: REACH_MS,
    commandTimeout: REACH_MS,
    retryStrategy: () => null,
  });
  let first: Error | undefined;
  redis.on('error', (error: Error) => {
    first ??= error;
  });
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    first ??= error as Error;
  } finally {
    redis.disconnect();
  }
  if (first && !isLoading(first)) throw new RedisServerError(wordsFor(first, addressIn(url)));
}

/** It is there, and will answer when it has read its data. */
function isLoading({ message }: Error): boolean {
  return message.startsWith('LOADING');
}

interface RedisAddress {
  /** Without user and password. */
  readonly shown: string;
  readonly host: string;
  readonly isTls: boolean;
  readonly database: string;
}

function addressIn(url: string): RedisAddress {
  const { protocol, host, hostname, pathname } = new URL(url);
  return {
    shown: `${protocol}//${host}`,
    host: hostname,
    isTls: protocol === 'rediss:',
    database: pathname.slice(1) || '0',
  };
}

const ENCODED = 'Signs such as @ : / # are percent-encoded in a URL';

function wordsFor(error: Error, address: RedisAddress): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  return (
    wordsForRefusal(error.message, address) ?? wordsForConnection(code, error.message, address)
  );
}

/** The words for an answer of Redis that refuses the connection. */
function wordsForRefusal(message: string, { shown, database }: RedisAddress): string | undefined {
  if (message.startsWith('NOAUTH'))
    return (
      `The Redis at ${shown} asks for a password, and REDIS_URL has none. Write ` +
      `redis://:PASSWORD@host:port, or redis://USER:PASSWORD@host:port. ${ENCODED}.`
    );
  if (message.startsWith('WRONGPASS'))
    return (
      `The Redis at ${shown} refuses the user or the password of REDIS_URL. Compare ` +
      `them with its requirepass, or with ACL LIST. ${ENCODED}.`
    );
  if (message.includes('DB index is out of range'))
    return (
      `The Redis at ${shown} has no database ${database}. Choose another one at the ` +
      `end of REDIS_URL, or raise 'databases' in its configuration.`
    );
  if (message.startsWith('NOPERM'))
    return (
      `The Redis user of REDIS_URL may not do what Rollcall needs (${message}). Give ` +
      'it more rights with ACL SETUSER.'
    );
  if (message.startsWith('DENIED'))
    return (
      `The Redis at ${shown} is in protected mode: it takes connections of its own ` +
      'machine only. Give it a password (requirepass), and write it into REDIS_URL.'
    );
  return undefined;
}

function wordsForConnection(
  code: string,
  message: string,
  { shown, host, isTls }: RedisAddress,
): string {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return (
      `The certificate of the Redis at ${shown} is for another name than '${host}' ` +
      `(${message}). Use a name in REDIS_URL that the certificate holds.`
    );
  if (/CERT|SIGNATURE|ISSUER/.test(code))
    return (
      `The certificate of the Redis at ${shown} is not trusted (${message}). If it is ` +
      'yours, name the authority that signed it: NODE_EXTRA_CA_CERTS=/path/to/ca.pem.'
    );
  if (isTls && /^(?:ERR_SSL|EPROTO|ETIMEDOUT|ECONNRESET)/.test(code))
    return (
      `The Redis at ${shown} did not answer to TLS (${message}). If it speaks none, ` +
      'write redis:// in REDIS_URL.'
    );
  switch (code) {
    case 'ECONNREFUSED':
      return (
        `Nothing listens at ${shown}. Start Redis there, or correct REDIS_URL. If you ` +
        'unset it, Rollcall starts a Redis of its own.'
      );
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The host '${host}' of REDIS_URL has no address (${message}). Correct the name.`;
    case 'ECONNRESET':
      return (
        `The Redis at ${shown} ended the connection at once. If it speaks TLS, write ` +
        'rediss:// in REDIS_URL.'
      );
    default:
      return (
        `The Redis at ${shown} can not be reached (${message}). Does it run, is ` +
        'REDIS_URL right, and does no firewall stand between?'
      );
  }
}
