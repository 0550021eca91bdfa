/**
 * seed-file.ts – Sends a seed: to be told what it would do, and to be taken over.
 *
 * Keeps true: what is taken over is the very file that was looked at. A large one is sent as a job,
 * and waited for.
 */

import { ask } from '../../server/ask.ts';
import type { JobShown, SeedReportShown } from '../../server/operations-answers.ts';

/** A JSON array may have so many bytes; beyond them a seed is a job (api/changes/body.ts). */
const WITHIN_BYTES = 15_000_000;
const JOB_LOOK_MS = 700;

const JSON_TYPE = 'application/json';
const LINES_TYPE = 'application/x-ndjson';

export interface SeedSending {
  readonly isDryRun: boolean;
  readonly signal?: AbortSignal;
}

/** @throws ServerRefusal; Error if the job failed */
export async function sendSeed(
  file: File,
  { isDryRun, signal }: SeedSending,
): Promise<SeedReportShown> {
  const isJob = file.size > WITHIN_BYTES;
  const type = await typeOf(file);
  if (isJob && type === JSON_TYPE)
    throw new Error(
      'A JSON array of that size is not taken. Write it as NDJSON, an item a line: ' +
        'that may be of any size.',
    );
  const upload = { content: file, type };
  const query = `dry_run=${isDryRun}${isJob ? '&async=true' : ''}`;
  const asked = { method: 'POST', upload, signal, reads: isDryRun && !isJob } as const;
  if (!isJob) return ask<SeedReportShown>(`/v1/seeds?${query}`, asked);
  let job = await ask<JobShown>(`/v1/seeds?${query}`, asked);
  while (job.status === 'waiting' || job.status === 'running') {
    await new Promise((resolve) => setTimeout(resolve, JOB_LOOK_MS));
    signal?.throwIfAborted();
    job = await ask<JobShown>(`/v1/jobs/${job.id}`, { signal });
  }
  if (job.status === 'failed') throw new Error(job.problem?.detail ?? 'The job failed.');
  return job.result as SeedReportShown;
}

/** Its items, as far as a page can read them; undefined if they are too many, or no JSON. */
export async function itemsOf(file: File): Promise<readonly unknown[] | undefined> {
  if (file.size > WITHIN_BYTES) return undefined;
  const text = await file.text();
  try {
    if ((await typeOf(file)) === JSON_TYPE) {
      const items: unknown = JSON.parse(text);
      return Array.isArray(items) ? items : undefined;
    }
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    return lines.map((line) => JSON.parse(line) as unknown);
  } catch {
    return undefined;
  }
}

/** By what it begins with: names of files say little. */
async function typeOf(file: File): Promise<string> {
  const beginning = (await file.slice(0, 1024).text()).replace(/^\uFEFF/, '').trimStart();
  return beginning.startsWith('{') ? LINES_TYPE : JSON_TYPE;
}
