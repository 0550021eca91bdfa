/**
 * routes.ts – What those who run the server ask: is it alive, is it ready, what does it count.
 *
 * Keeps true: these answer also while Redis is gone.
 */
import Type from 'typebox';
import { Problem } from '../../errors.ts';
import { LIMITS } from '../../limits.ts';
import { version } from '../../version.ts';
import { route } from '../route.ts';
import { time } from '../times.ts';
import { examine, inTime } from './readiness.ts';

/** While Redis is gone these are unknown: NaN is the number that Prometheus has for that. */
const UNKNOWN_LETTERS = { kept: Number.NaN, dropped: Number.NaN };
const UNKNOWN_LAG = { entries: Number.NaN, partitionsAhead: Number.NaN };

const getRoot = route({
  method: 'GET',
  path: '/',
  need: 'nothing',
  summary: 'What this is, and where to read on; a browser is given the console',
  answers: {
    200: Type.Object({
      name: Type.Enum(['rollcall']),
      version: Type.String(),
      documentation: Type.String(),
      openapi: Type.String(),
    }),
  },
  // plugins/console.ts answers those that prefer HTML.
  handler: async (_, __, reply) => {
    reply.header('vary', 'accept');
    return {
      name: 'rollcall' as const,
      version: version(),
      documentation: '/docs',
      openapi: '/openapi.json',
    };
  },
});

const getInfo = route({
  method: 'GET',
  path: '/v1/info',
  need: 'read',
  summary: 'What this server is, what time it is there, and which bounds it has',
  answers: {
    200: Type.Object({
      name: Type.Enum(['rollcall']),
      version: Type.String(),
      time_zone: Type.String({ description: 'In which relative dates of filters are meant.' }),
      now: time('The time of this server.'),
      partitions: Type.Integer(),
      limits: Type.Record(Type.String(), Type.Integer(), {
        description: 'By name, as `rollcall config` lists them without `ROLLCALL_`.',
      }),
    }),
  },
  handler: async (_, { deployment: { founding, limits } }) => ({
    name: 'rollcall' as const,
    version: version(),
    time_zone: founding.timeZone,
    now: new Date().toISOString(),
    partitions: founding.partitions,
    limits: Object.fromEntries(
      Object.entries(LIMITS).map(([limit, { name }]) => [
        name.slice('ROLLCALL_'.length).toLowerCase(),
        limits[limit as keyof typeof LIMITS],
      ]),
    ),
  }),
});

const getHealth = route({
  method: 'GET',
  path: '/healthz',
  need: 'nothing',
  summary: 'Whether the process is alive',
  answersWithoutRedis: true,
  isNeverLimited: true,
  answers: { 200: Type.Object({ status: Type.Enum(['ok']) }) },
  handler: async () => ({ status: 'ok' as const }),
});

const getReadiness = route({
  method: 'GET',
  path: '/readyz',
  need: 'nothing',
  summary: 'Whether the server can do its work',
  description:
    'Redis answers, every partition has an owner, none has stopped, and the lag is under its ' +
    'limit. `warnings` say what some reads have no number for.',
  answersWithoutRedis: true,
  isNeverLimited: true,
  answers: {
    200: Type.Object({
      status: Type.Enum(['ready']),
      partitions: Type.Integer(),
      lag_entries: Type.Integer(),
      partitions_owned: Type.Integer({ description: 'Those that this process works off.' }),
      standby: Type.Optional(
        Type.Boolean({
          description: 'Others work off all partitions; this process waits to take over.',
        }),
      ),
      warnings: Type.Optional(Type.Array(Type.String())),
    }),
  },
  refusals: ['not_ready', 'shutting_down'],
  handler: async (_, { deployment, lagEntriesMax }) => {
    const { reasons, warnings, lagEntries } = await examine(deployment, lagEntriesMax);
    if (reasons.length > 0) {
      throw new Problem('not_ready', reasons.join('; '), [], { reasons, retry_after_s: 1 });
    }
    const { founding, worker } = deployment;
    const standby = worker?.isStandby ? { standby: true } : {};
    const ready = {
      status: 'ready' as const,
      partitions: founding.partitions,
      lag_entries: lagEntries,
      partitions_owned: worker?.owned ?? 0,
      ...standby,
    };
    return warnings.length > 0 ? { ...ready, warnings } : ready;
  },
});

const getMetrics = route({
  method: 'GET',
  path: '/metrics',
  need: 'key',
  summary: 'Counters and times, in the text format of Prometheus',
  answersWithoutRedis: true,
  answers: {
    200: Type.Unsafe<string>({
      description: 'Metrics',
      content: { 'text/plain': { schema: Type.String() } },
    }),
  },
  handler: async (_, { deployment }, reply) => {
    const { deadLetters, delivery, progress, metrics, store, stores, worker } = deployment;
    metrics.partitionsOwned.set(worker?.owned ?? 0);
    metrics.waitingChanges.set(delivery.waitingChanges);
    metrics.segments.set(store.catalog.segments.size);
    const { entries, partitionsAhead } = await inTime(progress.lag()).catch(() => UNKNOWN_LAG);
    const letters = await inTime(deadLetters.numbers()).catch(() => UNKNOWN_LETTERS);
    metrics.deadLettersKept.set(letters.kept);
    metrics.deadLettersDropped.set(letters.dropped);
    const verdict = await inTime(stores.auditHistory.verdict()).catch(() => undefined);
    metrics.auditDifferences.set(verdict?.differences ?? Number.NaN);
    metrics.auditFinished.set((verdict?.finishedAt ?? Number.NaN) / 1000);
    metrics.auditSeconds.set((verdict?.durationMs ?? Number.NaN) / 1000);
    metrics.logLag.set(entries);
    metrics.partitionsAhead.set(partitionsAhead);
    return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  },
});

const getDescription = route({
  method: 'GET',
  path: '/openapi.json',
  need: 'nothing',
  summary: 'This description',
  answers: {
    200: Type.Unsafe({ type: 'object', description: 'OpenAPI 3.1', additionalProperties: true }),
  },
  // plugins/openapi.ts makes it of the routes.
  handler: async ({ server }) => server.swagger(),
});

export const OPERATION_ROUTES = {
  getRoot,
  getInfo,
  getDescription,
  getHealth,
  getReadiness,
  getMetrics,
};
