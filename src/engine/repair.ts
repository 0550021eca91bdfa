/**
 * repair.ts – Repairs what an audit has found to be wrong.
 *
 * Keeps true: nothing that is kept of segments and relationships is trusted. It is rebuilt from the
 * records, beside live changes, and until that is done no number is answered. Before that the
 * owners forget the rows that they have in memory, for those are stale. Ids, timers and rows that
 * no record bears out are mended one by one first, for builds go along the ids. What was kept under
 * the earlier predicate ids is removed at the end, also where the rows that name it were lost.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../errors.ts';
import type { AuditReport } from '../membership/audit-report.ts';
import type { FaultPlace, StoredFault } from '../membership/fault.ts';
import { findKeyFaults } from '../membership/key-faults.ts';
import { findKindFaults } from '../membership/kind-faults.ts';
import { findLetterFaults } from '../membership/letter-faults.ts';
import { allStatuses, partitionsOf } from '../membership/partition-status.ts';
import { findRowFaults } from '../membership/row-faults.ts';
import { findSlugFaults } from '../membership/slug-faults.ts';
import type { Deployment } from './deployment.ts';
import { findPastFaults } from './past-faults.ts';

const POLL_MS = 50;
/** Rows that are mended in one go. */
const MENDED_A_CALL = 200;
/** How long partitions may take to adopt a catalog after it was announced to them. */
const ADOPTED_TIMEOUT_MS = 10_000;
/** How long what a sweep removes is waited for: if it takes longer, it goes on by itself. */
const SWEPT_TIMEOUT_MS = 10_000;

/** Faults after which no predicate has to be evaluated again. */
const MENDED_ALONE: readonly FaultPlace[] = [
  'timers',
  'tombstones',
  'counts',
  'sets',
  'state',
  'slugs',
  'letters',
  'feed',
  'history',
  'revisions',
  'feed-ids',
];

export interface RepairWaits {
  readonly timeoutMs: number;
  /**
   * How long a partition may be without an owner: a process that was killed leaves its lease
   * behind.
   */
  readonly unattendedMs: number;
  /** Whom the catalog names for what is built anew. */
  readonly by?: string;
  /** Called while it waits; what it throws ends the waiting. */
  readonly onWait?: () => void;
}

/**
 * `found` is undefined if the partitions did not come to rest, so that nothing could be compared.
 * @throws Error if it is not done within `timeoutMs`; it goes on nevertheless.
 * @throws Problem not_caught_up if a partition has no owner for `unattendedMs`
 */
export async function repair(
  deployment: Deployment,
  found: AuditReport | undefined,
  { timeoutMs, unattendedMs, by = 'rollcall audit', onWait = () => {} }: RepairWaits,
): Promise<void> {
  await mend(found?.faults ?? (await findFaults(deployment)));
  await expelOwners(deployment);
  // Until then they may have written what they had in memory.
  await mend(await findFaults(deployment));
  for (const each of partitionsOf(deployment.stores.memberships))
    await deployment.lostState.askForBroken(each);
  if (!found || !isMendedAlone(found)) await deployment.objectTypes.rebuild({ by });
  const attended = attending(deployment, unattendedMs);
  await until(timeoutMs, async () => {
    onWait();
    await attended();
    return isRepaired(deployment);
  });
  await removeLeftOver(deployment);
}

/** Whether nothing is wrong but what has been mended by now. */
function isMendedAlone(found: AuditReport): boolean {
  const { inSegments, inCounts, inEdges, withoutPredicate, isBroken, faults } = found;
  if (
    isBroken ||
    withoutPredicate.length + inSegments.length + inCounts.length + inEdges.length > 0
  )
    return false;
  return faults.every(({ place, mend: how }) => how !== undefined && MENDED_ALONE.includes(place));
}

async function findFaults({ stores, store, founding }: Deployment): Promise<StoredFault[]> {
  const { keys, rows } = stores.audits;
  const kinds = await findKindFaults(keys);
  if (kinds.length > 0) return kinds;
  const { catalog } = store;
  const refresh = () => store.refresh();
  const statuses = stores.memberships;
  const partitions = partitionsOf(statuses);
  const { timeZone } = founding;
  const inRows = await findRowFaults({ rows, partitions, catalog, refresh, timeZone });
  const timeoutMs = ADOPTED_TIMEOUT_MS;
  const inKeys = await findKeyFaults({ keys, statuses, catalog, refresh, timeoutMs });
  const inLetters = await findLetterFaults(keys, partitions);
  return [...inRows.faults, ...inKeys.faults, ...(await findSlugFaults(keys)), ...inLetters];
}

async function mend(faults: readonly StoredFault[]): Promise<void> {
  const mends = faults.flatMap(({ mend: how }) => how ?? []);
  for (let from = 0; from < mends.length; from += MENDED_A_CALL)
    await Promise.all(mends.slice(from, from + MENDED_A_CALL).map((how) => how.carryOut()));
}

/**
 * The owner of a partition takes it again: from what is stored now, not from what it has in memory.
 */
async function expelOwners({ stores }: Deployment): Promise<void> {
  const { repairs } = stores.audits;
  await Promise.all(partitionsOf(stores.memberships).map((each) => repairs.expelOwner(each)));
}

/**
 * A partition that has stopped is not repaired by waiting.
 * @throws Problem not_caught_up that names it
 */
function attending({ progress }: Deployment, unattendedMs: number): () => Promise<void> {
  let attendedMs = Date.now();
  return async () => {
    const [partition] = await progress.unowned();
    if (partition === undefined) attendedMs = Date.now();
    else if (Date.now() - attendedMs > unattendedMs)
      throw new Problem(
        'not_caught_up',
        `nobody works off partition ${partition}: it has stopped by a fault, or no server runs. ` +
          'Start the server again, then repair again',
      );
  };
}

async function isRepaired({ stores, store }: Deployment): Promise<boolean> {
  await store.refresh();
  // One that has failed again is as built as it can be.
  for (const { status } of store.catalog.predicateIds.values())
    if (status !== 'ready' && status !== 'failed') return false;
  // The feed has told what the repair makes different: who goes by it has the members.
  const statuses = await allStatuses(stores.memberships);
  return statuses.every(({ loss, telling }) => loss === undefined && telling === undefined);
}

/**
 * Removes what was kept under predicate ids that no catalog entry names any more. The sweep of the
 * engine comes first: it knows the most of it.
 */
async function removeLeftOver(deployment: Deployment): Promise<void> {
  await until(SWEPT_TIMEOUT_MS, () => isSwept(deployment)).catch(() => {});
  await mend(await findFaults(deployment));
  // What was told goes by the members that there are now.
  await mend(await findPastFaults(deployment));
}

async function isSwept({ stores, store }: Deployment): Promise<boolean> {
  const { keys } = stores.audits;
  const swept = await Promise.all(
    partitionsOf(stores.memberships).map((partition) => keys.swept(partition)),
  );
  return swept.every((some) => [...some].every((each) => store.catalog.predicateIds.has(each)));
}

/** @throws Error if it takes longer. */
async function until(timeoutMs: number, isDone: () => Promise<boolean>): Promise<void> {
  const deadlineMs = Date.now() + timeoutMs;
  while (!(await isDone())) {
    if (Date.now() > deadlineMs)
      throw new Error(
        `segments are still being built after ${timeoutMs / 1000} s; they go on, audit again later`,
      );
    await sleep(POLL_MS);
  }
}
