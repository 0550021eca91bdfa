/**
 * handlers.ts – What each kind of job does, over a deployment.
 */
import type { Deployment } from '../engine/deployment.ts';
import { runExport } from './export-job.ts';
import { runImport } from './import-job.ts';
import type { JobHandler, JobKind } from './jobs.ts';
import { runSeed } from './seed-job.ts';

export function jobHandlers(deployment: Deployment): Readonly<Record<JobKind, JobHandler>> {
  return {
    import: (context) => runImport(context, deployment),
    export: (context) => runExport(context, deployment),
    seed: (context) => runSeed(context, deployment),
  };
}
