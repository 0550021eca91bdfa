/**
 * job-kinds.ts – The kinds of jobs: the work of each, and whether it makes a file.
 *
 * Keeps true: a kind is one row; the worker, the API and its description read them here.
 */
import type { Deployment } from '../engine/deployment.ts';
import { runAuditJob } from './audit-job.ts';
import { runExport } from './export-job.ts';
import { runImport } from './import-job.ts';
import type { JobContext, JobHandler } from './jobs.ts';
import { runSeed } from './seed-job.ts';

interface JobKindRow {
  readonly run: (context: JobContext, deployment: Deployment) => Promise<void>;
  /** Whether what it writes can be downloaded when it is done. */
  readonly makesFile: boolean;
}

const ROWS = {
  seed: { run: runSeed, makesFile: false },
  import: { run: runImport, makesFile: false },
  export: { run: runExport, makesFile: true },
  audit: { run: runAuditJob, makesFile: false },
} satisfies Record<string, JobKindRow>;

export type JobKind = keyof typeof ROWS;

export const JOB_KINDS: Readonly<Record<JobKind, JobKindRow>> = ROWS;

export const JOB_KIND_NAMES = Object.keys(ROWS) as JobKind[];

/** The handler of each kind, over a deployment. */
export function jobHandlers(deployment: Deployment): Readonly<Record<JobKind, JobHandler>> {
  const handlers = JOB_KIND_NAMES.map((kind): [string, JobHandler] => [
    kind,
    (context) => JOB_KINDS[kind].run(context, deployment),
  ]);
  return Object.fromEntries(handlers) as Record<JobKind, JobHandler>;
}
