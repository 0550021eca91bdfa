/**
 * routes.ts – What those who run the server ask: is it alive, is it ready, what does it count.
 *
 * Keeps true: these answer also while Redis is gone; `/readyz` says every reason at once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import Type from 'typebox';
import type { Deployment } from '../../engine/deployment.ts';
import { Problem } from '../../errors.ts';
import { SILENT_MS } from '../../redis/health.ts';
import { version } from '../../version.ts';
import { preferredForm } from '../accepts.ts';
import { problemAnswer } from '../answers.ts';
import type { Routes } from '../route.ts';

/** While Redis is gone nobody knows: Prometheus has a number for that. */
const UNKNOWN_LAG = { entries: Number.NaN, partitionsAhead: Number.NaN };
/** Redis has so long to say how things stand. */
const LOOK_MS_MAX = 1500;

interface Findings {
  /** Why nobody should be sent here. */
  readonly reasons: string[];
  readonly warnings: string[];
  readonly lagEntries: number;
}

export const operationRoutes: Routes = async (app, { deployment, lagEntriesMax }) => {
  app.get(
    '/',
    {
      schema: {
        summary: 'What this is, and where to read on; a browser is led to /docs',
        operationId: 'getRoot',
        response: {
          200: Type.Object({
            name: Type.Enum(['rollcall']),
            version: Type.String(),
            documentation: Type.String(),
            openapi: Type.String(),
          }),
          302: Type.Null({ description: 'To /docs, if Accept prefers HTML.' }),
        },
      },
    },
    async ({ headers: { accept } }, reply) => {
      reply.header('vary', 'accept');
      if (preferredForm(accept, ['application/json', 'text/html']) === 'text/html')
        return reply.redirect('/docs');
      return {
        name: 'rollcall' as const,
        version: version(),
        documentation: '/docs',
        openapi: '/openapi.json',
      };
    },
  );

  app.get(
    '/healthz',
    {
      schema: {
        summary: 'Whether the process is alive',
        operationId: 'getHealth',
        response: { 200: Type.Object({ status: Type.Enum(['ok']) }) },
      },
    },
    async () => ({ status: 'ok' as const }),
  );

  app.get(
    '/readyz',
    {
      schema: {
        summary: 'Whether the server can do its work',
        description:
          'Redis answers, every partition has an owner, none has stopped, and the lag is under its limit. `warnings` say what some reads have no number for.',
        operationId: 'getReadiness',
        response: {
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
          503: problemAnswer(['not_ready', 'shutting_down']),
        },
      },
    },
    async () => {
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
  );

  app.get(
    '/metrics',
    {
      schema: {
        summary: 'Counters and times, in the text format of Prometheus',
        operationId: 'getMetrics',
        response: {
          200: Type.Unsafe<string>({
            description: 'Metrics',
            content: { 'text/plain': { schema: Type.String() } },
          }),
        },
      },
    },
    async (_, reply) => {
      const { delivery, progress, metrics, store, worker } = deployment;
      metrics.partitionsOwned.set(worker?.owned ?? 0);
      metrics.waitingChanges.set(delivery.waitingChanges);
      metrics.segments.set(store.catalog.segments.size);
      const { entries, partitionsAhead } = await inTime(progress.lag()).catch(() => UNKNOWN_LAG);
      metrics.logLag.set(entries);
      metrics.partitionsAhead.set(partitionsAhead);
      return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics());
    },
  );
};

async function examine(deployment: Deployment, lagEntriesMax: number): Promise<Findings> {
  const { health, worker } = deployment;
  const reasons = [...health.faults];
  if (worker && worker.fatal.length > 0)
    reasons.push(`${worker.fatal.length} partitions have stopped by a fault`);
  try {
    if (health.silentMs >= SILENT_MS)
      throw new Error(`nothing for ${(health.silentMs / 1000).toFixed(1)} s`);
    const seen = await inTime(look(deployment, lagEntriesMax));
    return { ...seen, reasons: [...reasons, ...seen.reasons] };
  } catch (error) {
    reasons.push(`Redis does not answer (${(error as Error).message})`);
    return { reasons, warnings: [], lagEntries: 0 };
  }
}

/**
 * @throws Error when the time is over: who asks whether the server is ready does not wait long for
 * no.
 */
async function inTime<T>(looking: Promise<T>): Promise<T> {
  const late = sleep(LOOK_MS_MAX, undefined, { ref: false }).then(() => {
    throw new Error(`nothing within ${LOOK_MS_MAX} ms`);
  });
  return Promise.race([looking, late]);
}

/** What is asked of Redis. */
async function look({ progress }: Deployment, lagEntriesMax: number): Promise<Findings> {
  const reasons: string[] = [];
  const warnings: string[] = [];
  const unowned = (await progress.unowned()).length;
  if (unowned > 0) reasons.push(`${unowned} partitions have no owner`);
  const { entries, partitionsAhead } = await progress.lag();
  if (entries > lagEntriesMax)
    reasons.push(`${entries} entries wait in the logs, more than ${lagEntriesMax}`);
  // No reason to send nobody here: all else is answered.
  if (partitionsAhead > 0)
    warnings.push(`the clocks of ${partitionsAhead} partitions are over a minute ahead of Redis`);
  return { reasons, warnings, lagEntries: entries };
}
