/**
 * audit-history.ts – The audits that were made of a deployment, and what each has found.
 *
 * Keeps true: the latest audits are kept, each with a bounded number of samples. A sample that
 * names a record goes when that record is deleted. The verdict is that of the last audit that has
 * compared something: one that could not is no answer. Redis implements it
 * (src/redis/audit-history.ts).
 */
import type { AuditReport, Sample } from './audit-report.ts';

export const AUDIT_STATUSES = ['waiting', 'running', 'completed', 'failed'] as const;

/** One difference: what is kept, and what should be, each null if it is not there. */
export interface AuditSample {
  readonly kind: string;
  readonly at: string;
  readonly expected: string | number | null;
  readonly found: string | number | null;
  /** The record that it names: its type and id. */
  readonly of?: readonly [objectType: string, id: string];
}

export interface AuditEntry {
  readonly id: string;
  /** Who asked for it: a request, the schedule, the command line. */
  readonly cause: 'request' | 'schedule' | 'command';
  /** Whether what is found is to be repaired. */
  readonly repair: boolean;
  readonly status: (typeof AUDIT_STATUSES)[number];
  /** Why it has no result, or what it could not do. */
  readonly reason?: string;
  readonly startedAt: number;
  readonly finishedAt: number | null;
  readonly compared: {
    readonly segments: number;
    readonly records: number;
    readonly evaluations: number;
  };
  /** As they were found, before a repair. */
  readonly differences: number;
  readonly samples: readonly AuditSample[];
  /** Whether all that was found was made good. */
  readonly repaired: boolean;
  /** How often it was begun: a process that ends leaves it to another one. */
  readonly begins: number;
}

/** What the last audit says of the deployment. */
export interface AuditVerdict {
  readonly id: string;
  readonly finishedAt: number;
  readonly durationMs: number;
  /** What is still wrong. */
  readonly differences: number;
}

export interface AuditHistory {
  /**
   * Adds an audit, or replaces what is known of it; the oldest give way. `verdict`: what it says,
   * if it says something.
   */
  put(entry: AuditEntry, verdict: AuditVerdict | undefined): Promise<void>;

  /** The newest first. */
  list(): Promise<AuditEntry[]>;

  /** Undefined: it is not kept any more. */
  get(id: string): Promise<AuditEntry | undefined>;

  /** Undefined: no audit has compared anything yet. */
  verdict(): Promise<AuditVerdict | undefined>;
}

/** Samples of one audit. */
const SAMPLES_MAX = 50;
/** Of each list of differences: one kind alone does not take all places. */
const SAMPLES_A_LIST = 5;
const TEXT_LENGTH_MAX = 300;

/** An audit that begins now. */
export function newAudit(
  given: Pick<AuditEntry, 'id' | 'cause' | 'repair' | 'status'>,
): AuditEntry {
  return {
    ...given,
    startedAt: Date.now(),
    finishedAt: null,
    compared: { segments: 0, records: 0, evaluations: 0 },
    differences: 0,
    samples: [],
    repaired: false,
    begins: 0,
  };
}

/** Keeps an audit that has ended. `isRepaired`: what was found is made good. */
export async function keepAudit(
  history: AuditHistory,
  entry: AuditEntry,
  isRepaired: boolean,
): Promise<void> {
  const ended: AuditEntry = {
    ...entry,
    status: 'completed',
    finishedAt: Date.now(),
    repaired: isRepaired && entry.differences > 0,
  };
  await history.put(ended, verdictOf(ended));
}

/** What an audit has found. Segments without a predicate and lost messages are differences too. */
export function withFindings(entry: AuditEntry, report: AuditReport): AuditEntry {
  const { segments, records, graphRecords, evaluations } = report;
  return {
    ...entry,
    compared: { segments, records: Math.max(records, graphRecords), evaluations },
    differences: differencesOf(report),
    samples: samplesOf(report),
  };
}

function differencesOf({ differences, isBroken, withoutPredicate }: AuditReport): number {
  return differences + withoutPredicate.length + (isBroken ? 1 : 0);
}

/** Undefined: it has compared nothing. */
function verdictOf(entry: AuditEntry): AuditVerdict | undefined {
  const { id, startedAt, finishedAt, compared, differences, repaired, status } = entry;
  if (status !== 'completed' || finishedAt === null) return undefined;
  if (compared.segments === 0 && differences === 0) return undefined;
  const durationMs = finishedAt - startedAt;
  return { id, finishedAt, durationMs, differences: repaired ? 0 : differences };
}

function samplesOf(report: AuditReport): AuditSample[] {
  const lists: AuditSample[][] = [
    ...report.inSegments.map(({ slug, objectType, place, engineOnly, referenceOnly }) =>
      sided(engineOnly, referenceOnly, (id) => ({
        kind: place === 'set' ? 'member' : 'state',
        at: `${slug}/${id}`,
        of: [objectType, id],
      })),
    ),
    ...report.inIds.map(({ objectType, listedOnly, storedOnly }) =>
      sided(listedOnly, storedOnly, (id) => ({
        kind: 'id',
        at: `${objectType}/${id}`,
        of: [objectType, idIn(id)],
      })),
    ),
    ...report.inTimers.map(({ objectType, listedOnly, storedOnly }) =>
      sided(listedOnly, storedOnly, (id) => ({
        kind: 'timer',
        at: `${objectType}/${id}`,
        of: [objectType, idIn(id)],
      })),
    ),
    ...report.inEdges.map(({ edge, place, engineOnly, referenceOnly }) =>
      sided(engineOnly, referenceOnly, (text) => ({ kind: place, at: `${edge}/${text}` })),
    ),
    ...report.inKept.map(({ place, of, engineOnly, referenceOnly }) =>
      sided(engineOnly, referenceOnly, (text) => ({ kind: place, at: `${of}/${text}` })),
    ),
  ];
  const counts = report.inCounts.slice(0, SAMPLES_A_LIST).map(
    ({ slug, partition, count, members }): AuditSample => ({
      kind: 'count',
      at: `${slug}/partition ${partition}`,
      expected: members,
      found: count,
    }),
  );
  const lost = report.withoutPredicate
    .slice(0, SAMPLES_A_LIST)
    .map((slug): AuditSample => ({ kind: 'predicate', at: slug, expected: 'one', found: null }));
  const broken: AuditSample[] = report.isBroken
    ? [{ kind: 'message', at: 'dead letters', expected: 'applied', found: null }]
    : [];
  return [...lost, ...broken, ...counts, ...lists.flat()].slice(0, SAMPLES_MAX).map(shortened);
}

/** Some of each side: what is there and should not be, and what should be there. */
function sided(
  engineOnly: Sample,
  referenceOnly: Sample,
  about: (text: string) => Pick<AuditSample, 'kind' | 'at' | 'of'>,
): AuditSample[] {
  const extra = engineOnly.first.slice(0, SAMPLES_A_LIST);
  const missing = referenceOnly.first.slice(0, SAMPLES_A_LIST);
  return [
    ...extra.map((text) => ({ ...about(text), expected: null, found: 'present' })),
    ...missing.map((text) => ({ ...about(text), expected: 'present', found: null })),
  ];
}

/** A fault's text is an id, and what is wrong with it in brackets. */
function idIn(text: string): string {
  return text.replace(/\([^()]*\)$/, '');
}

function shortened(sample: AuditSample): AuditSample {
  const { at } = sample;
  return at.length > TEXT_LENGTH_MAX
    ? { ...sample, at: `${at.slice(0, TEXT_LENGTH_MAX)}…` }
    : sample;
}
