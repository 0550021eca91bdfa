/**
 * faults.ts – What goes wrong on the way to the store and back, by the seed's choice.
 *
 * Keeps true: a call is carried out now, later, or both, but never under other arguments; who gets
 * no answer can't tell whether it was carried out. When the faults end, what is still under way
 * arrives.
 */
import type { Choose } from '../support/memory-deployment.ts';

/**
 * What keeps a deployment exact; a canary switches one of them off, and the simulator must notice.
 */
export interface Guards {
  /** A commit is refused unless its owner holds the partition. */
  readonly token: boolean;
  /** A commit is refused unless it comes right after the one that is stored. */
  readonly commitNumber: boolean;
  /** A delivery is refused unless it comes right after the source's last one. */
  readonly lastPlusOne: boolean;
  /** A message is applied only at a catalog version that is as new as its sender's. */
  readonly adoptBeforeApply: boolean;
  /** Who takes a partition over closes the epoch in which owners before it sent. */
  readonly epochs: boolean;
  /** A commit is refused if the inbox has lost what it applies. */
  readonly inboxStands: boolean;
  /** State is sent anew where one end has forgotten what the other remembers. */
  readonly resynchronization: boolean;
  /** A change of a record that is due is preceded by what time has made of it. */
  readonly fireBeforeChange: boolean;
  /** A commit writes every block of a record's predicates that it changes. */
  readonly everyBlock: boolean;
  /** Counts that a reader knows are of a commit, by number and nonce; without, by the number. */
  readonly countsByNonce: boolean;
  /** Holders that are evaluated in the batch that brings their news are all that there are. */
  readonly wholeHolders: boolean;
  /** They are those of the commit before the batch. */
  readonly freshHolders: boolean;
  /** Those for which the batch has no room become a fan-out. */
  readonly restOfNews: boolean;
  /** Holders of a fan-out for which a batch has no room are visited later. */
  readonly restOfChunk: boolean;
}

export const ALL_GUARDS: Guards = {
  token: true,
  commitNumber: true,
  lastPlusOne: true,
  adoptBeforeApply: true,
  epochs: true,
  resynchronization: true,
  fireBeforeChange: true,
  everyBlock: true,
  countsByNonce: true,
  wholeHolders: true,
  freshHolders: true,
  restOfNews: true,
  restOfChunk: true,
  inboxStands: true,
};

const FAULT_ONE_IN = 6;

/** The way from processes to the store. */
export class Wire {
  /** Copies of calls that are carried out some time. */
  readonly late: (() => Promise<unknown>)[] = [];
  isFaulty = true;
  readonly #choose: Choose;

  constructor(choose: Choose) {
    this.#choose = choose;
  }

  /** @returns undefined if there is no answer: the caller sends the very same again. */
  async call<T>(carryOut: () => Promise<T>): Promise<T | undefined> {
    if (!this.isFaulty || this.#choose(FAULT_ONE_IN) > 0) return carryOut();
    switch (this.#choose(4)) {
      case 0: // the call is delayed: its second copy comes first
        this.late.push(carryOut);
        return undefined;
      case 1: // the answer is lost
        await carryOut();
        return undefined;
      case 2: // the answer is lost, and yet another copy is on its way
        await carryOut();
        this.late.push(carryOut);
        return undefined;
      default: // the client has sent it twice
        this.late.push(carryOut);
        return carryOut();
    }
  }

  /** A copy that was under way arrives. Caller: there is one. */
  async arrive(): Promise<void> {
    await this.late.splice(this.#choose(this.late.length), 1)[0]!();
  }
}
