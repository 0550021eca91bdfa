/**
 * audit.ts – `rollcall audit`: compares everything that is stored with its truth by JsonLogic.
 *
 * Keeps true: it ends with 0 only if something was compared and nothing is wrong with it, after a
 * repair too.
 */
import { randomUUID } from 'node:crypto';
import type { Config } from '../config.ts';
import { isWell, repaired } from '../engine/audited-repair.ts';
import type { Deployment } from '../engine/deployment.ts';
import { fullAudit } from '../engine/full-audit.ts';
import { Problem } from '../errors.ts';
import { keepAudit, newAudit, withFindings } from '../membership/audit-history.ts';
import type { AuditReport, Sample } from '../membership/audit-report.ts';
import { beside } from './beside.ts';
import { openBar } from './progress.ts';
import { grouped } from './table.ts';

export interface AuditCommandOptions {
  readonly repair?: boolean;
  /** How long the partitions may take to come to rest; for tests. */
  readonly timeoutMs?: number;
}

const CATCH_UP_TIMEOUT_MS = 60_000;
const REPAIR_TIMEOUT_MS = 3_600_000;
const NOTHING_ELSE =
  'Nothing else was compared: a key that holds another kind of value stops whoever reads it.';
const WEBHOOKS_MISS =
  'Webhooks are told nothing of what is mended, nor of changes until their views ' +
  'are built: begin a full sync of them afterwards.';
/** Lines of one kind of difference that are printed. */
const LINES_MAX = 20;

/** @returns the exit code. */
export async function runAudit(config: Config, options: AuditCommandOptions): Promise<number> {
  return beside(config, { needsWorker: true }, async (deployment) => {
    const { timeoutMs = CATCH_UP_TIMEOUT_MS } = options;
    const entry = newAudit({
      id: `command-${randomUUID()}`,
      cause: 'command',
      repair: options.repair === true,
      status: 'running',
    });
    const report = await look(deployment, timeoutMs);
    const isWanted = options.repair === true && !isWell(report);
    const end: RepairEnd = isWanted
      ? await mended(deployment, report, timeoutMs)
      : { report, isRepaired: false };
    const seen = report ?? end.report;
    if (seen)
      await keepAudit(deployment.stores.auditHistory, withFindings(entry, seen), end.isRepaired);
    return isWell(end.report) ? verdict(end.report) : 1;
  });
}

/** Repairs until nothing is wrong, or it is of no use. @returns the exit code */
async function mended(
  deployment: Deployment,
  found: AuditReport | undefined,
  timeoutMs: number,
): Promise<RepairEnd> {
  if (deployment.store.catalog.activations.size > 0) console.log(WEBHOOKS_MISS);
  const { report, refusal } = await repaired(deployment, found, {
    waits: { timeoutMs: REPAIR_TIMEOUT_MS, unattendedMs: timeoutMs, by: 'rollcall audit' },
    look: () => look(deployment, timeoutMs),
    onRepair: () =>
      console.log(
        'Mending rows, and building all that is kept of segments and relationships ' +
          'anew from the records …',
      ),
  });
  if (refusal !== undefined) console.log(refusal);
  else if (!isWell(report))
    console.log(
      'Not repaired: what is listed last is still wrong. Audit again; if it stays, ' +
        'keep the lines for a report.',
    );
  return { report, isRepaired: refusal === undefined && isWell(report) };
}

interface RepairEnd {
  readonly report: AuditReport | undefined;
  readonly isRepaired: boolean;
}

/** An audit that has compared nothing has not found that all is well. */
function verdict(report: AuditReport): number {
  return report.segments > 0 ? 0 : 1;
}

async function look(deployment: Deployment, timeoutMs: number): Promise<AuditReport | undefined> {
  const bar = openBar('records');
  try {
    const report = await fullAudit(deployment, { timeoutMs, onProgress: bar.show });
    bar.close();
    console.log(describeReport(report).join('\n'));
    return report;
  } catch (error) {
    bar.close();
    if (!(error instanceof Problem) || error.code !== 'not_caught_up') throw error;
    console.log(`Nothing was compared: ${error.message}. Is a worker running?`);
    return undefined;
  }
}

function describeReport(report: AuditReport): string[] {
  const { segments, records, partitions, memberships, edges, graphRecords, leftOver } = report;
  const { evaluations, checks } = report;
  const across =
    `${grouped(edges)} relationships: holders, their values, neighbour rows and ` +
    `related rows, over ${grouped(graphRecords)} live records in memory.`;
  return [
    `Compared ${grouped(segments)} segments over ${grouped(records)} records in ` +
      `${partitions} partitions with JsonLogic:`,
    `${grouped(evaluations)} evaluations (${grouped(checks)} of them by json-logic-js as well), ` +
      `${grouped(memberships)} memberships; ` +
      'member sets, state rows, counts, ids, timers, tombstones, slugs.',
    ...(edges > 0 ? [across] : []),
    ...report.skippedEdges.map((edge) => `Left out: edge=${edge} (building)`),
    ...report.skipped.map(({ slug, why }) => `Left out: segment=${slug} (${why})`),
    ...report.withoutPredicate.map(
      (slug) => `segment=${slug} has no predicate: nobody answers for it (--repair builds it)`,
    ),
    ...listed(differenceLines(report)),
    ...(report.faults.some(({ place }) => place === 'kinds') ? [NOTHING_ELSE] : []),
    ...(report.isBroken
      ? [
          'A message between partitions could not be applied: it lies in the dead ' +
            'letters, and segments over relationships fail.',
        ]
      : []),
    ...(leftOver > 0
      ? [
          `Left over of what was given up: ${grouped(leftOver)} rows or keys. They ` +
            'go with their next write, and mean nothing.',
        ]
      : []),
    conclusion(report),
  ];
}

function conclusion({
  differences,
  withoutPredicate,
  segments,
  skipped,
  isBroken,
}: AuditReport): string {
  if (differences > 0) return `${grouped(differences)} differences.`;
  if (withoutPredicate.length > 0)
    return `${grouped(withoutPredicate.length)} segments without a predicate.`;
  if (isBroken) return 'Zero differences, but a message that was not applied.';
  if (segments > 0) return 'Zero differences.';
  return skipped.length > 0
    ? 'Nothing was compared: every segment is being built, or was edited meanwhile. ' +
        'Audit again when they are ready.'
    : 'Nothing was compared: there is no segment and no view with a query.';
}

function differenceLines({
  inSegments,
  inCounts,
  inIds,
  inTimers,
  inEdges,
  inKept,
}: AuditReport): string[][] {
  return [
    inSegments.map(
      ({ slug, place, engineOnly, referenceOnly }) =>
        `segment=${slug} engine-only=${sample(engineOnly)} ` +
        `reference-only=${sample(referenceOnly)} in=${place}`,
    ),
    inCounts.map(
      ({ slug, partition, count, members }) =>
        `segment=${slug} partition=${partition} count=${count ?? 'none'} members=${members}`,
    ),
    inIds.map(
      ({ objectType, listedOnly, storedOnly }) =>
        `type=${objectType} ids-only=${sample(listedOnly)} records-only=${sample(storedOnly)}`,
    ),
    inTimers.map(
      ({ objectType, listedOnly, storedOnly }) =>
        `type=${objectType} due-only=${sample(listedOnly)} state-rows-only=${sample(storedOnly)}`,
    ),
    inEdges.map(
      ({ edge, place, engineOnly, referenceOnly }) =>
        `edge=${edge} engine-only=${sample(engineOnly)} ` +
        `reference-only=${sample(referenceOnly)} in=${place}`,
    ),
    inKept.map(
      ({ place, of, engineOnly, referenceOnly }) =>
        `kept=${of} engine-only=${sample(engineOnly)} ` +
        `reference-only=${sample(referenceOnly)} in=${place}`,
    ),
  ];
}

function listed(kinds: readonly string[][]): string[] {
  return kinds.flatMap((lines) =>
    lines.length <= LINES_MAX
      ? lines
      : [
          ...lines.slice(0, LINES_MAX),
          `… and ${grouped(lines.length - LINES_MAX)} more such lines`,
        ],
  );
}

function sample({ total, first }: Sample): string {
  const rest = total - first.length;
  return `[${first.join(', ')}${rest > 0 ? `, … ${grouped(rest)} more` : ''}]`;
}
