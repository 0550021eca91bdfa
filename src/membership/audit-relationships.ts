/**
 * audit-relationships.ts – Compares what is stored across relationships with the truth by JsonLogic
 * of every record's nested document.
 *
 * Keeps true: a graph of many partitions is not read at one instant. Unless no partition moved
 * while it was read, what differs is looked at again. A truth has to differ each time. A row has to
 * be wrong at every one of many looks at it alone (edge-look.ts), for busy rows differ each time
 * that all of them are read.
 *
 * Compared of segments that look across relationships: member sets and state rows. Compared of
 * every relationship: the state rows of its shared predicates, the sets of holders and of their
 * values, neighbour rows and related rows (audit-attempt.ts).
 */
import type { StoredFilter } from '../catalog/catalog.ts';
import {
  type AttemptContext,
  AuditAttempt,
  type RelationshipAudit,
  type SubjectDifference,
  sameSubject,
} from './audit-attempt.ts';
import { stayWrong } from './edge-look.ts';
import { allStatuses, partitionsOf } from './partition-status.ts';
import { openWatch, waitForWatermark } from './watermark.ts';

export interface RelationshipAuditContext extends AttemptContext {
  readonly timeoutMs: number;
  /** How often effects must come through before anything is compared (watermark.ts). */
  readonly rounds: number;
  /**
   * Whether all that is due is fired before anything is compared; something may be due that no
   * owner fires.
   */
  readonly isTimed: boolean;
}

/** How often a difference must be seen while partitions move. */
const ATTEMPTS_MAX = 8;

/** Caller: the segments are answered for by their predicates, and look across relationships. */
export async function auditRelationships(
  context: RelationshipAuditContext,
  segments: readonly StoredFilter[],
): Promise<RelationshipAudit> {
  const first = await attempted(context, segments);
  if (first.isExact) return first.seen;
  const rows = await confirmed(context, first.attempt);
  let truths = first.seen.differences.filter(isOfTruth);
  let { seen } = first;
  for (let attempt = 2; truths.length > 0 && attempt <= ATTEMPTS_MAX; attempt++) {
    const { store, timeoutMs, rounds, isTimed } = context;
    const waits = { timeoutMs, rounds, isTimed };
    await waitForWatermark(openWatch(store), partitionsOf(store), [], waits);
    const next = await attempted(context, segments);
    if (next.isExact) return next.seen;
    seen = next.seen;
    truths = inBoth(truths, seen.differences);
  }
  return { ...seen, differences: [...truths, ...rows] };
}

/**
 * Reads the whole graph, and returns whether no partition has moved meanwhile: then what differs is
 * a difference.
 */
async function attempted(context: RelationshipAuditContext, segments: readonly StoredFilter[]) {
  const before = await numbers(context);
  const attempt = await AuditAttempt.begin(context, segments, before.serverMs);
  const seen = await attempt.run();
  const isExact = seen.differences.length === 0 || (await numbers(context)).text === before.text;
  return { attempt, seen, isExact };
}

function isOfTruth({ subject: { place } }: SubjectDifference): boolean {
  return place === 'set' || place === 'state';
}

/** Of the rows that differ, those that stay wrong however often they are looked at. */
async function confirmed(
  context: RelationshipAuditContext,
  attempt: AuditAttempt,
): Promise<SubjectDifference[]> {
  const { audits, store, catalog, timeZone } = context;
  const { partitions } = store;
  const wrong = await stayWrong(
    { audits, partitions, timeZone, types: catalog.objectTypes },
    attempt.spots(),
  );
  const still = wrong.filter(
    ({ edge: { edgeId, definition } }) => catalog.edgeIdOf(definition.name) === edgeId,
  );
  return attempt.differencesAt(new Set(still));
}

/** Names where all partitions stand, and since when at the least. */
async function numbers({
  store,
}: RelationshipAuditContext): Promise<{ text: string; serverMs: number }> {
  const statuses = await allStatuses(store);
  const serverMs = Math.min(...statuses.map((status) => status.serverMs));
  return { text: statuses.map(({ number }) => number).join(), serverMs };
}

function inBoth(
  first: readonly SubjectDifference[],
  second: readonly SubjectDifference[],
): SubjectDifference[] {
  const common = (a: ReadonlySet<string>, b: ReadonlySet<string>) =>
    new Set([...a].filter((one) => b.has(one)));
  return second.flatMap(({ subject, engineOnly, referenceOnly }) => {
    const before = first.find((each) => sameSubject(each.subject, subject));
    if (!before) return [];
    const both = {
      subject,
      engineOnly: common(before.engineOnly, engineOnly),
      referenceOnly: common(before.referenceOnly, referenceOnly),
    };
    return both.engineOnly.size + both.referenceOnly.size > 0 ? [both] : [];
  });
}
