/**
 * founding.ts – Founds a deployment, or checks that the stored one is that of the configuration.
 *
 * Keeps true: what is fixed when a deployment is founded (partitions, time zone, what filters mean)
 * is never changed. A deployment of another release is refused in words that say how to move on.
 */
import type { CatalogLog } from './catalog-log.ts';

/** The terms that were fixed when the deployment was first started. */
export interface Founding {
  /** Every partition carries it: one that has lost it must not start from zero. */
  readonly install: string;
  /** For what only this installation may make, such as fingerprints. */
  readonly secret: string;
  readonly partitions: number;
  readonly timeZone: string;
}

/**
 * The stored deployment is not the one that the configuration speaks of: a fault of the world, in
 * words for who started us.
 */
export class FoundingError extends Error {}

/**
 * Grows when a release changes an operator's meaning, a value's normal form, or how things are
 * stored: what an older one stored must be rebuilt. 2: a date is a calendar day, no instant; sums
 * are exact to 12 decimals, and averages to 6. 3: other names and layouts (src/redis/README.md). 4:
 * states of records in blocks, fan-outs in keys of their own. 5: segments have feed ids, and feeds
 * tell causes.
 */
const SEMANTICS_VERSION = 5;
/** The first one that means by filters what this release means. */
const SAME_MEANING_SINCE = 2;

/**
 * Founds the deployment if there is none, else checks that it is the one that is wanted.
 * @throws FoundingError that names what was fixed otherwise
 */
export async function foundDeployment(
  log: CatalogLog,
  prefix: string,
  wanted: { readonly partitions: number; readonly timeZone: string },
): Promise<Founding> {
  const stored = await log.found({ ...wanted, semantics: SEMANTICS_VERSION });
  const { install, secret, partitions, timeZone } = stored;
  refuseOther('ROLLCALL_PARTITIONS', partitions, wanted.partitions, prefix);
  refuseOther('ROLLCALL_TIME_ZONE', timeZone, wanted.timeZone, prefix);
  refuseOtherSemantics(stored.semantics, prefix);
  if (!stored.isWhole) {
    const foreign = await log.foundPartitions(partitions, install);
    if (foreign !== undefined)
      throw new FoundingError(
        `${foreign} belongs to another deployment; choose another ROLLCALL_PREFIX.`,
      );
  }
  return { install, secret, partitions, timeZone };
}

function refuseOther(
  name: string,
  stored: string | number,
  wanted: string | number,
  prefix: string,
): void {
  if (stored === wanted) return;
  throw new FoundingError(
    `The deployment with the prefix '${prefix}' was founded with ${name} = ${stored}, which ` +
      `can't be changed; the configuration says ${wanted}. Set ${name}=${stored}, or begin ` +
      'another deployment beside it with another ROLLCALL_PREFIX.',
  );
}

/**
 * What an older or newer release has stored would be read as if it meant what this one means by it.
 */
function refuseOtherSemantics(stored: number, prefix: string): void {
  if (stored === SEMANTICS_VERSION) return;
  const [age, other] =
    stored > SEMANTICS_VERSION
      ? ['a newer', 'That release, or a newer one,']
      : ['an older', 'That release'];
  const isOnlyStored = stored >= SAME_MEANING_SINCE && stored < SEMANTICS_VERSION;
  const what = isOnlyStored ? 'which stores things otherwise' : 'whose filters mean something else';
  throw new FoundingError(
    `The deployment with the prefix '${prefix}' is of ${age} release of Rollcall, ${what} ` +
      `(semantics version ${stored}; this release has ${SEMANTICS_VERSION}). ${other} still ` +
      "runs it. To move on, export from there with 'rollcall seeds export', and import " +
      'into a new deployment of this release, with another ROLLCALL_PREFIX or ROLLCALL_DATA.',
  );
}
