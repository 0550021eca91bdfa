/**
 * beside.ts – Opens a deployment for a command, beside the server that runs it or without one.
 *
 * Keeps true: looking founds nothing, and needs no setting that was fixed at the first start. A
 * Redis or a worker that was started for the command ends with it.
 */
import type { Config } from '../config.ts';
import { type Deployment, openDeployment } from '../engine/deployment.ts';
import { findDeployment } from '../redis/deployments.ts';
import { joinRedisServer } from '../redis/server.ts';
import { CommandError } from './failure.ts';
import { openLog, tell } from './log.ts';

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
    const found = await findDeployment(server.url, config.prefix);
    if (!found) {
      throw new CommandError(
        `There is no deployment with the prefix '${config.prefix}' in this Redis: ` +
          'nothing to look at.',
      );
    }
    const { partitions, timeZone, isServed } = found;
    const deployment = await openDeployment({
      redisUrl: server.url,
      prefix: config.prefix,
      partitions,
      timeZone,
      // What is kept has the bounds of the server.
      limits: config.limits,
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

/** A command that was typed answers by itself: its log speaks up only when something is wrong. */
export function quieter({ logLevel }: Config): Config['logLevel'] {
  return logLevel === 'info' ? 'warn' : logLevel;
}
