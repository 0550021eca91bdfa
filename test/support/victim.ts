/**
 * victim.ts – Run as a process of its own: a worker that dies when it evaluates a record it can't
 * bear.
 *
 * `VICTIM` says, as JSON, which Redis and prefix it works on, the value of `n` that it dies of, and
 * how it dies.
 */
import { pino } from 'pino';
import { openDeployment } from '../../src/engine/deployment.ts';
import type { Attributes } from '../../src/query/predicate/view.ts';

export interface VictimOrder {
  readonly redisUrl: string;
  readonly prefix: string;
  readonly partitions: number;
  readonly fatal: number;
  readonly how: 'exit' | 'kill' | 'heap';
  /** `live`: when a record is changed or comes due; `backfill`: when a segment is built. */
  readonly when: 'live' | 'backfill';
  /** It bears the record until then. */
  readonly fromMs?: number;
  /** Of a backfill: the one predicate that it can't bear there. */
  readonly fatalPredicateId?: number;
}

const order = JSON.parse(process.env['VICTIM']!) as VictimOrder;

function fault({ n }: Attributes, predicateId?: number): void {
  const isBackfill = predicateId !== undefined;
  if (
    n !== order.fatal ||
    isBackfill !== (order.when === 'backfill') ||
    Date.now() < (order.fromMs ?? 0)
  )
    return;
  if (order.fatalPredicateId !== undefined && predicateId !== order.fatalPredicateId) return;
  if (order.how === 'exit') process.exit(7);
  if (order.how === 'kill') process.kill(process.pid, 'SIGKILL');
  const hog: unknown[] = [];
  for (;;) hog.push(new Array(100_000).fill(hog.length));
}

const deployment = await openDeployment({
  redisUrl: order.redisUrl,
  prefix: order.prefix,
  partitions: order.partitions,
  timeZone: 'UTC',
  logger: pino(
    { level: process.env['LOG_LEVEL'] ?? 'silent' },
    pino.destination({ dest: 2, sync: true }),
  ),
  runsWorker: true,
  networkOptions: { fault },
});
process.once('SIGTERM', () => void deployment.close().then(() => process.exit(0)));
console.log('ready');
