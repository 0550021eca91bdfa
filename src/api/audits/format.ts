/**
 * format.ts – Audits as they are answered.
 */
import type { ShownAudit } from '../../jobs/audits.ts';
import { isoTime } from '../times.ts';

export function formatAudit(audit: ShownAudit): Record<string, unknown> {
  const { id, cause, repair, status, reason, startedAt, finishedAt, progress } = audit;
  const { compared, differences, samples, repaired } = audit;
  return {
    ...{ id, cause, repair, status },
    ...(reason === undefined ? {} : { reason }),
    ...(progress === undefined ? {} : { progress }),
    started_at: isoTime(startedAt),
    finished_at: finishedAt === null ? null : isoTime(finishedAt),
    ...{ compared, differences },
    samples: samples.map(({ kind, at, expected, found }) => ({ kind, at, expected, found })),
    repaired,
  };
}
