/**
 * audit-pace.ts – How much of a process an audit takes beside everything else that goes on in it.
 *
 * Keeps true: it works for a few milliseconds at a time, and rests for longer between them, so that
 * live changes have most of the process however much there is to compare.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** Called between two small things: undefined if the work may go on, else when it may. */
export type AuditRest = () => Promise<void> | undefined;

const SLICE_MS = 8;

/**
 * Rests `restMs` after each slice of work.
 * @param beforeRest is carried out then; what it throws ends the audit
 */
export function gently(restMs: number, beforeRest: () => Promise<void>): AuditRest {
  let endsMs = 0;
  return () => {
    if (performance.now() < endsMs) return undefined;
    return beforeRest()
      .then(() => sleep(restMs))
      .then(() => {
        endsMs = performance.now() + SLICE_MS;
      });
  };
}
