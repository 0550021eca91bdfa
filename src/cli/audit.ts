/**
 * audit.ts – `rollcall audit`: is everything that is stored what JsonLogic says?
 */
import type { Config } from '../config.ts';
import { type AuditReport, audit, type Sample } from '../membership/audit.ts';
import { beside } from './beside.ts';
import { CommandError } from './failure.ts';
import { openBar } from './progress.ts';
import { grouped } from './table.ts';

export interface AuditCommandOptions {
  readonly repair?: boolean;
}

const CATCH_UP_TIMEOUT_MS = 60_000;
/** Lines of one kind of difference that are printed. */
const LINES_MAX = 20;

/** @returns the exit code. */
export async function runAudit(config: Config, options: AuditCommandOptions): Promise<number> {
  if (options.repair) throw new CommandError('--repair comes with a later release. `rollcall audit` changes nothing.');
  const report = await beside(config, { needsWorker: true }, async ({ redis, keys, store, founding }) => {
    const bar = openBar('records');
    try {
      const context = { redis, keys, store, timeZone: founding.timeZone };
      return await audit(context, { timeoutMs: CATCH_UP_TIMEOUT_MS, onProgress: bar.show });
    } finally {
      bar.close();
    }
  });
  console.log(describeReport(report).join('\n'));
  return report.differences === 0 ? 0 : 1;
}

function describeReport(report: AuditReport): string[] {
  const { segments, records, partitions, evaluations, memberships, differences, edges, graphRecords } = report;
  const across = `${grouped(edges)} relationships: holders, neighbour rows and related rows, over ${grouped(graphRecords)} live records in memory.`;
  return [
    `Compared ${grouped(segments)} segments over ${grouped(records)} records in ${partitions} partitions with JsonLogic:`,
    `${grouped(evaluations)} evaluations, ${grouped(memberships)} memberships; member sets, state rows, counts and ids.`,
    ...(edges > 0 ? [across] : []),
    ...report.skippedEdges.map((edge) => `Left out: edge=${edge} (building)`),
    ...report.skipped.map(({ slug, why }) => `Left out: segment=${slug} (${why})`),
    ...listed(differenceLines(report)),
    differences === 0 ? 'Zero differences.' : `${grouped(differences)} differences.`,
  ];
}

function differenceLines({ inSegments, inCounts, inIds, inTimers, inEdges }: AuditReport): string[][] {
  return [
    inSegments.map(
      ({ slug, place, engineOnly, referenceOnly }) =>
        `segment=${slug} engine-only=${sample(engineOnly)} reference-only=${sample(referenceOnly)} in=${place}`,
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
        `edge=${edge} engine-only=${sample(engineOnly)} reference-only=${sample(referenceOnly)} in=${place}`,
    ),
  ];
}

function listed(kinds: readonly string[][]): string[] {
  return kinds.flatMap((lines) =>
    lines.length <= LINES_MAX
      ? lines
      : [...lines.slice(0, LINES_MAX), `… and ${grouped(lines.length - LINES_MAX)} more such lines`],
  );
}

function sample({ total, first }: Sample): string {
  const rest = total - first.length;
  return `[${first.join(', ')}${rest > 0 ? `, … ${grouped(rest)} more` : ''}]`;
}
