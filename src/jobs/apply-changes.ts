/**
 * apply-changes.ts – Takes changes in as `POST /v1/changes` does, and returns when they are
 * applied.
 *
 * Keeps true: when it returns, what was accepted is applied, and the rest was refused for what it
 * is. A failure that may pass (Redis, full logs) is thrown instead. The caller may then do all of
 * it again: a put or patch that is applied twice in the same order changes nothing more.
 */
import type { Ingest, IngestSession, Rejection } from '../engine/ingest.ts';
import { type ErrorCode, Problem } from '../errors.ts';

/** How long some changes may take to be applied. */
const APPLY_TIMEOUT_MS = 60_000;
/** Refusals that another try may not meet. */
const PASSING: readonly ErrorCode[] = [
  'redis_unavailable',
  'redis_full',
  'overloaded',
  'internal',
  'not_caught_up',
  'segment_building',
  'catalog_conflict',
];

/** A job names each line that it refuses; what it takes at once is far less. */
const LISTED_MAX = 10_000;

export interface AppliedChanges {
  readonly accepted: number;
  readonly rejected: readonly Rejection[];
  readonly position: string;
}

export function isPassing(code: ErrorCode): boolean {
  return PASSING.includes(code);
}

/** @throws Problem with a code that passes */
export async function applyChanges(
  ingest: Ingest,
  fill: (session: IngestSession) => Promise<void> | void,
): Promise<AppliedChanges> {
  const session = ingest.session({
    wait: 'applied',
    timeoutMs: APPLY_TIMEOUT_MS,
    listedMax: LISTED_MAX,
  });
  await fill(session);
  const { accepted, rejected, position, isApplied } = await session.finish();
  const passing = rejected.find(({ code }) => isPassing(code));
  if (passing) throw new Problem(passing.code, `line ${passing.line}: ${passing.detail}`);
  if (!isApplied)
    throw new Problem(
      'not_caught_up',
      `the changes were not applied within ${APPLY_TIMEOUT_MS} ms`,
    );
  return { accepted, rejected, position };
}
