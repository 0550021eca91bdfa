/**
 * serve.ts – `rollcall serve`: Redis, worker and API in one process (service.ts), and its end.
 *
 * Keeps true: the line with the URL is printed when every partition has an owner, and no other line
 * on stdout has a URL. A graceful end answers the requests under way, commits what was taken in,
 * gives up the leases, and then ends the private Redis. A start that fails leaves nothing running.
 */
import closeWithGrace from 'close-with-grace';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { reachRedis } from '../redis/reach.ts';
import { openRedisServer } from '../redis/server.ts';
import { describeFailure } from './failure.ts';
import { openLog, tell } from './log.ts';
import { Opened } from './opened.ts';

/** Requests, commits and the private Redis together; the last alone may take 20 s. */
const STOP_TIMEOUT_MS = 40_000;
/**
 * A terminal sends Ctrl-C to npm and to us, and npm passes it on: two signals at once are one wish.
 */
const ONE_WISH_MS = 500;

/** Returns when the server is ready; the process ends by a signal. */
export async function serve(config: Config): Promise<void> {
  const logger = openLog(config.logLevel);
  const opened = new Opened();
  endGracefully(opened, logger);
  try {
    await open(config, logger, opened);
  } catch (error) {
    await opened
      .close()
      .catch((failure) => logger.warn({ err: failure }, 'closing after a failed start'));
    throw error;
  }
}

/** A private Redis takes a while to start, and meanwhile the rest is loaded. */
async function open(config: Config, logger: Logger, opened: Opened): Promise<void> {
  const { redisUrl: url, dataFolder } = config;
  const load = () => import('./service.ts');
  const loading = url === undefined ? load() : reachRedis(url).then(load);
  const redis = await openRedisServer({ url, dataFolder, say: tell });
  opened.add(() => redis.stop());
  const { openService } = await loading;
  await openService(config, redis, opened, logger);
}

/**
 * The first signal ends gracefully with code 0, a second one at once with 1; so does an uncaught
 * bug, after closing.
 */
function endGracefully(opened: Opened, logger: Logger): void {
  const closing = closeWithGrace(
    {
      delay: STOP_TIMEOUT_MS,
      skip: ['SIGINT', 'SIGTERM', 'beforeExit'],
      logger: {
        error: (message: unknown) =>
          logger.error(message instanceof Error ? { err: message } : String(message)),
      },
    },
    async ({ err }) => {
      if (err) tell(describeFailure(err));
      await opened.close();
    },
  );
  let wishedAtMs: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (wishedAtMs === undefined) {
      wishedAtMs = Date.now();
      logger.info(`${signal}: finishing what is under way`);
      closing.close();
    } else if (Date.now() - wishedAtMs > ONE_WISH_MS) {
      tell(`${signal} again: ended at once.`);
      process.exit(1);
    }
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}
