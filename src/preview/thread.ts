/**
 * thread.ts – The thread in which previews are evaluated, beside the event loop of the process,
 * with a connection to Redis of its own.
 *
 * Keeps true: each run that it is told of ends with one answer, also one that is cancelled; runs
 * take turns every few milliseconds. A failure that the world causes is answered; so is a fault of
 * ours, and the thread goes on.
 */
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { assert, Problem } from '../errors.ts';
import { redisProblem } from '../redis/failures.ts';
import { openRecordSource } from '../redis/record-source.ts';
import { KeptRecords } from './kept-records.ts';
import { type PreviewRun, runPreview } from './run.ts';
import type { ThreadAnswer, ThreadData, ThreadRequest } from './thread-messages.ts';

/** Between two reports of progress. */
const PROGRESS_MS = 100;
/** A nice value: it gets a quarter of a core that it has to share with a thread of the engine. */
const BEHIND_CHANGES = 5;
/** Of records that are kept for the next preview. */
const KEPT_BYTES_MAX = 64 * 1024 * 1024;

assert(parentPort, 'previews are evaluated in a thread');
const port = parentPort;
giveWay();
let opening: Promise<KeptRecords> | undefined;
const cancels = new Map<number, AbortController>();

port.on('message', (request: ThreadRequest) => {
  if (request.kind === 'cancel') cancels.get(request.id)?.abort();
  else void run(request.id, request.run);
});

/**
 * Where cores are short, live changes come first. On Linux a priority is that of one thread;
 * elsewhere it would be that of the whole process.
 */
function giveWay(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(0, BEHIND_CHANGES);
  } catch {
    // a sandbox may forbid it: then previews share as all else does
  }
}

/** What could not be opened is opened anew by the next run. */
function opened(): Promise<KeptRecords> {
  opening ??= openRecordSource(workerData as ThreadData).then(
    (source) => new KeptRecords(source, KEPT_BYTES_MAX),
  );
  opening.catch(() => (opening = undefined));
  return opening;
}

function answer(message: ThreadAnswer): void {
  port.postMessage(message);
}

async function run(id: number, asked: PreviewRun): Promise<void> {
  const cancel = new AbortController();
  cancels.set(id, cancel);
  let toldMs = 0;
  try {
    const preview = await runPreview(asked, {
      records: await opened(),
      signal: cancel.signal,
      onProgress: (progress) => {
        if (performance.now() - toldMs < PROGRESS_MS) return;
        toldMs = performance.now();
        answer({ kind: 'progress', id, progress });
      },
    });
    answer({ kind: 'result', id, preview });
  } catch (error) {
    answer(cancel.signal.aborted ? { kind: 'cancelled', id } : failure(id, error));
  } finally {
    cancels.delete(id);
  }
}

function failure(id: number, error: unknown): ThreadAnswer {
  const known = redisProblem(error);
  if (known instanceof Problem) {
    const { code, message: detail, errors: faults } = known;
    return { kind: 'refused', id, code, detail, faults };
  }
  return { kind: 'failed', id, message: error instanceof Error ? error.stack! : String(error) };
}
