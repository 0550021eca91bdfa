/**
 * audited-repair.ts – Repairs what audits find until an audit finds nothing.
 *
 * Keeps true: what is repaired is compared again, and what is still wrong is repaired again, a few
 * times. Where records are lost nothing is repaired: a rebuild from them would stop at the first.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../errors.ts';
import type { AuditReport } from '../membership/audit-report.ts';
import { UNREADABLE_MARK } from '../membership/fault.ts';
import type { Deployment } from './deployment.ts';
import { type RepairWaits, repair } from './repair.ts';

const REPAIRS_MAX = 3;
const LOOKS_MAX = 3;
const LOOK_AGAIN_MS = 1000;

const UNREADABLE =
  'Not repaired: records that nobody can read can only be removed by hand from ' +
  'where they are kept ' +
  '(in=records or in=kinds above; HDEL <prefix>:{<partition>}:records:<type> <id>). ' +
  'Then repair, and put them again.';

const LOST =
  'Not repaired: what the keys in=kinds above are to hold is kept nowhere else. ' +
  'Stop all servers, and restore them from a backup.';

export interface RepairSteps {
  readonly waits: RepairWaits;
  /** One audit. Undefined: the partitions did not come to rest. */
  look(): Promise<AuditReport | undefined>;
  /** Called before each repair. */
  onRepair?(): void;
}

/** @returns the last audit that was made, and why nothing more can be repaired, in words */
export async function repaired(
  deployment: Deployment,
  found: AuditReport | undefined,
  { waits, look, onRepair }: RepairSteps,
): Promise<{ readonly report: AuditReport | undefined; readonly refusal?: string }> {
  let report = found;
  if (report && hasUnreadable(report)) return { report, refusal: UNREADABLE };
  if (report && hasLost(report)) return { report, refusal: LOST };
  for (let attempt = 1; attempt <= REPAIRS_MAX && !isWell(report); attempt++) {
    onRepair?.();
    try {
      await repair(deployment, report, waits);
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'not_caught_up') throw error;
      return { report, refusal: `Not repaired: ${error.message}.` };
    }
    report = await lookAtAll(look);
  }
  return { report };
}

/** Whether there is nothing to repair; undefined: the partitions did not come to rest. */
export function isWell(report: AuditReport | undefined): report is AuditReport {
  if (!report) return false;
  return report.differences === 0 && !report.isBroken && report.withoutPredicate.length === 0;
}

/** A segment that is left out is not known to be repaired: others may edit some meanwhile. */
async function lookAtAll(look: RepairSteps['look']): Promise<AuditReport | undefined> {
  for (let number = 1; ; number++) {
    const report = await look();
    if (!report || report.skipped.length === 0 || number === LOOKS_MAX) return report;
    await sleep(LOOK_AGAIN_MS);
  }
}

function hasUnreadable({ faults }: AuditReport): boolean {
  return faults.some(
    ({ place, of, text }) =>
      (place === 'records' && text.endsWith(UNREADABLE_MARK)) ||
      (place === 'kinds' && of === 'records'),
  );
}

function hasLost({ faults }: AuditReport): boolean {
  return faults.some(({ place, mend }) => place === 'kinds' && !mend);
}
