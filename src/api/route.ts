/**
 * route.ts – What every file of routes is given.
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyPluginAsync, RawServerDefault } from 'fastify';
import type { Deployment } from '../engine/deployment.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { Webhooks } from '../jobs/webhooks.ts';
import type { HeldAnswers } from './held-answers.ts';

export interface RouteOptions {
  readonly deployment: Deployment;
  readonly jobs: Jobs;
  readonly webhooks: Webhooks;
  /** What makes answers that may be heavy. */
  readonly held: HeldAnswers;
  /** Entries of all logs that may wait before `/readyz` says that this server is behind. */
  readonly lagEntriesMax: number;
  /** Changes that may wait in this process before more are refused. */
  readonly waitingChangesMax: number;
}

export type Routes = FastifyPluginAsync<RouteOptions, RawServerDefault, TypeBoxTypeProvider>;
