/** commits.ts – Commits for the conformance suite: nothing but what a test says. */

import { randomUUID } from 'node:crypto';
import { CAUSES } from '../../src/change/cause.ts';
import type { RecordRow } from '../../src/change/record.ts';
import type {
  CommitAnswer,
  CommitHeader,
  CommitWrites,
  PartitionStore,
} from '../../src/engine/partition-store.ts';
import type { Row, TouchedRecord } from '../../src/engine/step.ts';
import { predicateIds } from '../../src/query/network/predicate-ids.ts';

export const NO_WRITES: CommitWrites = {
  clockMs: 1000,
  catalogVersion: 1,
  position: undefined,
  inbox: undefined,
  records: [],
  tombstones: [],
  timers: [],
  entering: new Map(),
  leaving: new Map(),
  counted: [],
  dropped: [],
  failed: new Map(),
  healed: [],
  backfills: new Map(),
  neighbours: [],
  related: [],
  holders: [],
  values: [],
  valueCounts: [],
  valueSources: [],
  valueTotals: [],
  fanouts: [],
  fanoutsDone: [],
  edgeSets: [],
  edgeSetsDone: [],
  forgottenHolders: [],
  forgottenValues: [],
  forgottenNeighbours: [],
  timedTypes: [],
  timedTypesDone: [],
  channels: [],
  outbox: [],
  delivered: [],
  resending: [],
  resendingDone: [],
  receiving: [],
  receivingDone: [],
  broken: [],
  brokenDone: [],
  unconfirmed: [],
  confirmed: new Map(),
  feed: undefined,
  followed: new Map(),
  feedRuns: new Map(),
  telling: undefined,
  feedEpochs: undefined,
  activations: [],
  outcomes: [],
  dead: [],
  forgotten: [],
  trial: undefined,
};

/** An owner that commits what it is told, one number after the other. */
export class CommittingOwner {
  readonly token = randomUUID();
  readonly #store: PartitionStore;
  readonly #install: string;
  number = 0;

  constructor(store: PartitionStore, install: string) {
    this.#store = store;
    this.#install = install;
  }

  async acquire(): Promise<this> {
    const answer = await this.#store.acquire(this.token, 60_000, this.#install);
    if (answer.status !== 'acquired') throw new Error(`the partition is ${answer.status}`);
    this.number = answer.meta.number;
    return this;
  }

  header(given: Partial<CommitHeader> = {}): CommitHeader {
    return {
      token: this.token,
      before: this.number,
      number: this.number + 1,
      nonce: randomUUID(),
      leaseMs: 60_000,
      ...given,
    };
  }

  async commit(
    writes: Partial<CommitWrites>,
    given: Partial<CommitHeader> = {},
  ): Promise<CommitAnswer> {
    const prepared = this.#store.prepare(this.header(given), { ...NO_WRITES, ...writes });
    const answer = await this.#store.commit(prepared);
    if (answer === 'ok') this.number = prepared.number;
    return answer;
  }
}

export function recordRow(data: RecordRow['data'], given: Partial<RecordRow> = {}): RecordRow {
  return { data, version: 1, createdAt: 5, updatedAt: 6, fits: 1, ...given };
}

export function row(record: RecordRow | undefined, truth: number[] = [], due?: number): Row {
  return { record, truth: predicateIds(truth), due };
}

/** A row that is written, and moves no membership. */
export const NO_FLIPS = {
  flips: [],
  liveFlips: [],
  cause: CAUSES.record_changed,
  causes: undefined,
} as const;

export function touched(
  id: string,
  after: Row,
  before: Row = row(undefined),
  objectType = 'contacts',
): TouchedRecord {
  return { objectType, id, before, after, ...NO_FLIPS };
}
