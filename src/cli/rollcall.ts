#!/usr/bin/env node
/**
 * rollcall.ts – The command line: turns the typed arguments into a call, and its result into an
 * exit code.
 *
 * Keeps true: 0 is success, 130 an interruption that was reported, 1 everything else. An old Node
 * is refused before anything is loaded that it can't read, so commands are imported when they run.
 */
import type { Config } from '../config.ts';

const NODE_OLDEST = [20, 19] as const;

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < NODE_OLDEST[0] || (major === NODE_OLDEST[0] && minor < NODE_OLDEST[1])) {
  console.error(
    `Rollcall needs Node ${NODE_OLDEST.join('.')} or newer; this is ${process.versions.node}.`,
  );
  process.exit(1);
}

const { Command, InvalidArgumentError } = await import('commander');

const { version } = await import('../version.ts');

const program = new Command('rollcall')
  .version(version())
  .description('Segments that are right at every moment.')
  .helpCommand(false)
  .showHelpAfterError('(rollcall --help lists the commands)')
  .addHelpText(
    'after',
    `
All settings are environment variables: rollcall config lists them.

  rollcall demo                      see segments move, in a minute
  rollcall serve                     run it on http://127.0.0.1:8787
  rollcall ingest changes.ndjson     send it a file of changes`,
  );

program
  .command('serve')
  .description(
    'run the API and the workers in one process, over a private Redis unless REDIS_URL is set',
  )
  .action(
    command(async (config) => {
      const { serve } = await import('./serve.ts');
      await serve(config);
      return undefined;
    }),
  );

program
  .command('demo')
  .description('replay four years of a sample shop and watch its segments move')
  .option(
    '--seconds <number>',
    'how long the replay takes at least (default: 12 on a terminal, else 0)',
    readSeconds,
  )
  .action(
    command(async (config, { seconds }: { seconds?: number }) => {
      const { DEMO_SECONDS_DEFAULT, runDemo } = await import('./demo.ts');
      return runDemo(config, { seconds: seconds ?? DEMO_SECONDS_DEFAULT });
    }),
  );

program
  .command('ingest')
  .description('send a file of changes (NDJSON; - is the standard input) to a server that runs')
  .argument(
    '<file>',
    'one change a line: {"op":"put","object_type":"contacts","id":"c1","data":{…}}',
  )
  .option('--url <url>', 'where the server is (default: from HOST and PORT)')
  .option(
    '--key <key>',
    "a key that may write records (default: from ROLLCALL_KEYS, else the data folder's master key)",
  )
  .option('--from <line>', 'the first line to send', readLine, 1)
  .option(
    '--rejected <file>',
    'keep every rejected line there, with the reason; corrected, it can be sent again',
  )
  .action(
    (file: string, options: { url?: string; key?: string; from: number; rejected?: string }) =>
      command(async (config) => {
        const { runIngest } = await import('./ingest.ts');
        return runIngest(config, file, { ...options, url: options.url ?? localUrl(config) });
      })(options),
  );

program
  .command('tail')
  .description('show who enters and leaves segments of a server that runs, as it happens')
  .argument('[slugs...]', 'only these segments (default: all)')
  .option('--since <cursor>', 'oldest (all that is kept), now, or the cursor of an event', 'now')
  .option('--json', 'print one JSON object a line')
  .option('--url <url>', 'where the server is (default: from HOST and PORT)')
  .option(
    '--key <key>',
    "a key that may read (default: from ROLLCALL_KEYS, else the data folder's master key)",
  )
  .action((slugs: string[], options: { since: string; json?: true; url?: string; key?: string }) =>
    command(async (config) => {
      const { runTail } = await import('./tail.ts');
      return runTail(config, slugs, { ...options, url: options.url ?? localUrl(config) });
    })(options),
  );

const seeds = program
  .command('seeds')
  .description('take object types, segments, views and records from one server to another')
  .helpCommand(false);

seeds
  .command('export')
  .description('write what is declared on a server that runs to a file (- is the standard output)')
  .argument('<file>', 'a JSON array, an item a line; or lines alone if it ends with .ndjson')
  .option(
    '--include <kinds>',
    'of object_types, segments, views and records:<type>, separated by commas',
  )
  .option('--url <url>', 'where the server is (default: from HOST and PORT)')
  .option(
    '--key <key>',
    "a key that may read (default: from ROLLCALL_KEYS, else the data folder's master key)",
  )
  .action((file: string, options: { include?: string; url?: string; key?: string }) =>
    command(async (config) => {
      const { exportSeeds } = await import('./seeds.ts');
      return exportSeeds(config, file, { ...options, url: options.url ?? localUrl(config) });
    })(options),
  );

seeds
  .command('import')
  .description('take such a file over: all of it or nothing; what is there already is left alone')
  .argument('<file>', 'a JSON array, or lines; - is the standard input')
  .option('--dry-run', 'only tell what would be done')
  .option('--url <url>', 'where the server is (default: from HOST and PORT)')
  .option(
    '--key <key>',
    'a key that may change what is declared (default: from ROLLCALL_KEYS, else the ' +
      "data folder's master key)",
  )
  .action((file: string, options: { dryRun?: boolean; url?: string; key?: string }) =>
    command(async (config) => {
      const { importSeeds } = await import('./seeds.ts');
      return importSeeds(config, file, { ...options, url: options.url ?? localUrl(config) });
    })(options),
  );

program
  .command('audit')
  .description(
    'compare everything that is stored with what JsonLogic says of every record, ' +
      'beside a live server or alone',
  )
  .option(
    '--repair',
    'build what is kept of segments and relationships anew from the records, if ' +
      'differences are found',
  )
  .action(
    command(async (config, options: { repair?: boolean }) => {
      const { runAudit } = await import('./audit.ts');
      return runAudit(config, options);
    }),
  );

const deadLetters = program
  .command('dead-letters')
  .description('what a server could not apply: look at it, try it again, discard it')
  .helpCommand(false);

/** A part of it: `work` gets the id of a letter, '' where there is none. */
function addLetterCommand(
  usage: string,
  description: string,
  work: (
    module: typeof import('./dead-letters.ts'),
    ...given: [config: Config, id: string, options: { url: string; key?: string }]
  ) => Promise<number>,
): void {
  deadLetters
    .command(usage, { isDefault: usage === 'list' })
    .description(description)
    .option('--url <url>', 'where the server is (default: from HOST and PORT)')
    .option(
      '--key <key>',
      'a key that may change what is declared (default: from ROLLCALL_KEYS, else the ' +
        "data folder's master key)",
    )
    .action((...given: unknown[]) => {
      const id = typeof given[0] === 'string' ? given[0] : '';
      const options = given.at(-2) as { url?: string; key?: string };
      return command(async (config) =>
        work(await import('./dead-letters.ts'), config, id, {
          ...options,
          url: options.url ?? localUrl(config),
        }),
      )({});
    });
}

addLetterCommand('list', 'the newest ones', (module, config, _, options) =>
  module.listDeadLetters(config, options),
);
addLetterCommand('show <id>', 'one as a whole', (module, ...given) =>
  module.showDeadLetter(...given),
);
addLetterCommand('retry <id>', 'try it again, and tell what came of it', (module, ...given) =>
  module.retryDeadLetter(...given),
);
addLetterCommand('discard <id>', 'forget it', (module, ...given) =>
  module.discardDeadLetter(...given),
);

program
  .command('explain')
  .description('tell why a record is in a segment, or why not, and when the clock changes that')
  .argument('<slug>', 'the segment')
  .argument('<id>', 'the record')
  .option('--at <moment>', 'as of a later moment, if no record changes: 2027-01-04T09:00')
  .option('--json', 'print what the API answers')
  .action((slug: string, id: string, options: { at?: string; json?: boolean }) =>
    command(async (config) => {
      const { runExplain } = await import('./explain-command.ts');
      return runExplain(config, slug, id, options);
    })({}),
  );

program
  .command('keys')
  .description("show where a segment's members lie in Redis")
  .argument('<slug>', 'the segment')
  .action((slug: string) =>
    command(async (config) => {
      const { showKeys } = await import('./keys-command.ts');
      await showKeys(config, slug);
      return 0;
    })({}),
  );

program
  .command('config')
  .description('list the settings, where each value comes from, and what is wrong with them')
  .action(() =>
    run(async () => {
      const { showConfig } = await import('./config-command.ts');
      showConfig(process.env);
      return 0;
    }),
  );

await program.parseAsync();

/**
 * A command that needs a valid configuration. It returns its exit code; undefined if it goes on.
 */
function command<Options>(
  work: (config: Config, options: Options) => Promise<number | undefined>,
): (options: Options) => Promise<void> {
  return (options) =>
    run(async () => {
      const { loadConfig } = await import('../config.ts');
      return work(loadConfig(process.env), options);
    });
}

async function run(work: () => Promise<number | undefined>): Promise<void> {
  try {
    const code = await work();
    if (code !== undefined) process.exit(code);
  } catch (error) {
    const { describeFailure } = await import('./failure.ts');
    console.error(describeFailure(error));
    process.exit(1);
  }
}

/** Where a server with the same settings listens, seen from this machine. */
function localUrl({ host, port }: Config): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

function readSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() !== '' && seconds >= 0 && seconds <= 3600) return seconds;
  throw new InvalidArgumentError('It must be a number from 0 to 3600.');
}

function readLine(text: string): number {
  const line = Number(text);
  if (Number.isSafeInteger(line) && line >= 1) return line;
  throw new InvalidArgumentError('It must be a whole number from 1.');
}
