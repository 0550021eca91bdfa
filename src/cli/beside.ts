/**
 * beside.ts – For commands that look at a deployment, beside the server that runs it or without
 * one.
 *
 * Keeps true: looking founds nothing and asks for no setting that was fixed at the first start; a
 * Redis or a worker that had to be started for it ends with it.
 */
import type { Config } from '../config.ts';
import { type Deployment, openDeployment } from '../engine/deployment.ts';
import { openConnection } from '../redis/connection.ts';
import { Keys } from '../redis/keys.ts';
import { reachRedis } from '../redis/reach.ts';
import { joinRedisServer } from '../redis/server.ts';
import { CommandError } from './failure.ts';
import { openLog } from './log.ts';

export interface LookOptions {
  /** Works off what still waits in the logs if no server does. */
  readonly needsWorker: boolean;
}

/**
 * Runs `look` on the deployment that the configuration names. @throws CommandError if there is
 * none.
 */
export async function beside<T>(
  config: Config,
  { needsWorker }: LookOptions,
  look: (deployment: Deployment) => Promise<T>,
): Promise<T> {
  exitOnSignals();
  const server = await joinRedisServer({
    url: config.redisUrl,
    dataFolder: config.dataFolder,
    say: tell,
  });
  try {
    const { partitions, timeZone, isServed } = await readPartitionStatus(server.url, config.prefix);
    const deployment = await openDeployment({
      redisUrl: server.url,
      prefix: config.prefix,
      partitions,
      timeZone,
      logger: openLog(quieter(config)),
      runsWorker: needsWorker && !isServed,
    });
    return await look(deployment).finally(() => deployment.close());
  } finally {
    await server.stop();
  }
}

/**
 * A signal ends a command at once, and with it, through the event 'exit', the private Redis that
 * was started for it.
 */
export function exitOnSignals(): void {
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
}

/** What happens on the way, apart from what the command answers. */
export function tell(line: string): void {
  console.error(line);
}

/** A command that was typed answers by itself: its log speaks up only when something is wrong. */
export function quieter({ logLevel }: Config): Config['logLevel'] {
  return logLevel === 'info' ? 'warn' : logLevel;
}

interface Found {
  readonly partitions: number;
  readonly timeZone: string;
  /** Whether somebody holds partitions. */
  readonly isServed: boolean;
}

async function readPartitionStatus(url: string, prefix: string): Promise<Found> {
  await reachRedis(url);
  const redis = openConnection({ url });
  try {
    await redis.connect();
    const [count, timeZone] = await redis.hmget(
      new Keys(prefix, 0).catalog.meta,
      'partitions',
      'time_zone',
    );
    if (!count || !timeZone) {
      throw new CommandError(
        `There is no deployment with the prefix '${prefix}' in this Redis: nothing to look at.`,
      );
    }
    const { partitions } = new Keys(prefix, Number(count));
    const owners = await Promise.all(partitions.map(({ owner }) => redis.exists(owner)));
    return {
      partitions: partitions.length,
      timeZone,
      isServed: owners.some((owner) => owner === 1),
    };
  } finally {
    redis.disconnect();
  }
}
