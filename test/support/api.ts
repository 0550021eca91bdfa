/**
 * api.ts – A server over a deployment of its own, with a worker of jobs, called as a master or as
 * whoever a test says.
 */
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { pino } from 'pino';
import { buildServer } from '../../src/api/server.ts';
import { ROLES, type Role } from '../../src/config.ts';
import type { DeploymentOptions } from '../../src/engine/deployment.ts';
import { jobHandlers } from '../../src/jobs/job-kinds.ts';
import { type JobWorker, startJobWorker } from '../../src/jobs/jobs.ts';
import type { TestDeployment } from './client.ts';
import { eventually, openTestDeployment } from './deployment.ts';

/** A job as the API answers it. */
export interface JobAnswer {
  readonly id: string;
  readonly status: 'waiting' | 'running' | 'completed' | 'failed';
  readonly progress: { readonly done: number; readonly total?: number };
  readonly result?: Record<string, unknown>;
  readonly problem?: { readonly code: string; readonly detail: string };
  readonly errors: readonly {
    readonly line?: number;
    readonly code: string;
    readonly path?: string;
  }[];
  readonly errors_total: number;
}

export interface TestApi {
  readonly deployment: TestDeployment;
  readonly server: FastifyInstance;
  call(method: string, url: string, body?: unknown, sent?: Sent): Promise<LightMyRequestResponse>;
  /** Waits until a job has ended: by its id, or as it was answered when it was asked for. */
  ended(job: string | LightMyRequestResponse): Promise<JobAnswer>;
  /** Stops working jobs off, and begins again with a worker of its own. */
  stopJobs(): Promise<void>;
  startJobs(): void;
  close(): Promise<void>;
}

interface Sent {
  readonly role?: Role;
  readonly type?: string;
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const SERVICE_NAME = 'nightly-import';
const JOB_TIMEOUT_MS = 60_000;

export async function openTestApi({
  corsOrigins = [],
  publicUrl,
  ...options
}: Partial<DeploymentOptions> & {
  readonly corsOrigins?: readonly string[];
  readonly publicUrl?: string;
} = {}): Promise<TestApi> {
  const logger = pino({ level: process.env.LOG_LEVEL ?? 'silent' });
  const deployment = await openTestDeployment(options);
  // One has a name; the others go by their fingerprints.
  const keys = ROLES.map((role) => ({
    ...{ role, key: `the-key-of-the-${role}` },
    ...(role === 'service' ? { name: SERVICE_NAME } : {}),
  }));
  const server = await buildServer(deployment, { keys, logger, corsOrigins, publicUrl });
  const startJobs = () => startJobWorker({ ...deployment, logger }, jobHandlers(deployment));
  let jobs: JobWorker = startJobs();
  const call: TestApi['call'] = (
    method,
    url,
    body,
    { role = 'master', type = 'application/json', accept, headers = {} } = {},
  ) =>
    server.inject({
      method: method as 'GET',
      url,
      headers: {
        authorization: `Bearer the-key-of-the-${role}`,
        ...headers,
        ...(accept === undefined ? {} : { accept }),
        ...(body === undefined ? {} : { 'content-type': type }),
      },
      ...(body === undefined
        ? {}
        : {
            payload:
              typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
          }),
    });
  return {
    deployment,
    server,
    call,
    ended: async (asked) => {
      if (typeof asked !== 'string' && asked.statusCode !== 202)
        throw new Error(`no job: ${asked.statusCode} ${asked.body}`);
      const id = typeof asked === 'string' ? asked : asked.json<JobAnswer>().id;
      let job: JobAnswer | undefined;
      const hasEnded = async () => {
        job = (await call('GET', `/v1/jobs/${id}`)).json<JobAnswer>();
        return job.status === 'completed' || job.status === 'failed';
      };
      await eventually(`the job ${id} has ended`, hasEnded, JOB_TIMEOUT_MS);
      return job!;
    },
    stopJobs: () => jobs.close(),
    startJobs: () => {
      jobs = startJobs();
    },
    close: async () => {
      await server.close();
      await jobs.close();
      await deployment.close();
    },
  };
}
