/**
 * connection.ts – Opens connections to Redis, each for one use.
 *
 * Keeps true: a command fails at once while Redis is gone; a caller that can wait retries. No
 * command is sent twice behind our back: its outcome may be unknown, and the caller knows how to
 * ask.
 */
import { Redis } from 'ioredis';

/** A command that takes longer than this counts as unanswered; its outcome is unknown. */
const COMMAND_TIMEOUT_MS = 10_000;
const RECONNECT_DELAY_MAX_MS = 500;

export interface ConnectionOptions {
  readonly url: string;
  /** Called for each fault of the connection; ioredis reconnects by itself. */
  readonly onError?: (error: Error) => void;
}

/** A connection for ordinary commands and scripts. */
export function openConnection({ url, onError }: ConnectionOptions): Redis {
  const redis = new Redis(url, {
    ...common,
    enableOfflineQueue: false,
    commandTimeout: COMMAND_TIMEOUT_MS,
  });
  redis.on('error', onError ?? (() => {}));
  gatherWrites(redis);
  return redis;
}

/**
 * Commands that are sent together leave in one write: a write of its own costs a command more than
 * all else that the client does for it (measured: 16 looks in one write instead of 16). The
 * client's own handshake is left alone.
 */
function gatherWrites(redis: Redis): void {
  const send = redis.sendCommand.bind(redis);
  let isGathering = false;
  redis.sendCommand = (...given: Parameters<Redis['sendCommand']>) => {
    const { stream } = redis;
    if (stream && !isGathering && redis.status === 'ready') {
      isGathering = true;
      stream.cork();
      process.nextTick(() => {
        isGathering = false;
        stream.uncork();
      });
    }
    return send(...given);
  };
}

/**
 * A connection that blocks in XREAD: nothing else may use it, for one blocked command blocks them
 * all.
 */
export function openBlockingConnection({ url, onError }: ConnectionOptions): Redis {
  const redis = new Redis(url, { ...common, enableOfflineQueue: false });
  redis.on('error', onError ?? (() => {}));
  return redis;
}

const common = {
  lazyConnect: true,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  retryStrategy: (attempts: number) => Math.min(attempts * 50, RECONNECT_DELAY_MAX_MS),
} as const;
