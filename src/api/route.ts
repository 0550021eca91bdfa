/**
 * route.ts – What every file of routes is given.
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyPluginAsync, RawServerDefault } from 'fastify';
import Type from 'typebox';
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

/** Path parameters are checked where they are used: what is not there is 404. */
const pathParameters = {
  name: Type.String({ description: 'Name of the object type.', examples: ['contacts'] }),
  type: Type.String({
    description: 'Name of the object type of the record.',
    examples: ['contacts'],
  }),
  id: Type.String({ description: 'Id of the record, percent-encoded.', examples: ['c-17'] }),
  slug: Type.String({ description: 'Slug of the segment or view.', examples: ['big-spenders'] }),
  activation: Type.String({ description: 'Id of the activation.' }),
};

export function path<Name extends keyof typeof pathParameters>(...names: Name[]) {
  const chosen = Object.fromEntries(names.map((name) => [name, pathParameters[name]]));
  return Type.Object(chosen as Pick<typeof pathParameters, Name>);
}
