/**
 * full-audit.ts – An audit of all that is kept: of memberships, and of what was told of them.
 *
 * Keeps true: what was told is looked at after the audit of memberships has waited for everything
 * to come to rest.
 */
import { audit } from '../membership/audit.ts';
import { type AuditReport, keptDifferences } from '../membership/audit-report.ts';
import type { AuditContext, AuditOptions } from '../membership/audit-run.ts';
import { findPastFaults, type PastContext } from './past-faults.ts';

/** A deployment is a context. @throws Problem not_caught_up */
export async function fullAudit(
  context: Omit<AuditContext, 'stores'> & PastContext & { readonly stores: AuditContext['stores'] },
  options: AuditOptions,
): Promise<AuditReport> {
  const report = await audit(context, options);
  if (report.faults.some(({ place }) => place === 'kinds')) return report;
  const wrong = [...report.inSegments, ...report.inCounts].map(({ slug }) => slug);
  const told = await findPastFaults(context, (slug) => wrong.includes(slug));
  return {
    ...report,
    differences: report.differences + told.length,
    faults: [...report.faults, ...told],
    inKept: [...report.inKept, ...keptDifferences(told)],
  };
}
