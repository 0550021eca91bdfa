/**
 * check-failure.ts – What a check found: by its name, so that a canary can tell it from another
 * check, and from a fault of ours.
 *
 * Keeps true: whatever else is thrown by a simulation is a fault of the simulator, and stands for
 * nothing that was noticed.
 */

/** The checks that there are; each canary names the one that has to notice what it does. */
export type CheckName =
  | 'records'
  | 'tombstones'
  | 'dead letters'
  | 'members'
  | 'counts'
  | 'truths'
  | 'due'
  | 'given up'
  | 'failed'
  | 'holders'
  | 'neighbours'
  | 'related'
  | 'values'
  | 'rest'
  | 'owner refused'
  | 'entries grow'
  | 'flips'
  | 'feed'
  | 'looks'
  | 'applied';

export class CheckFailure extends Error {
  readonly check: CheckName;

  constructor(check: CheckName, what: string) {
    super(what);
    this.name = 'CheckFailure';
    this.check = check;
  }
}
