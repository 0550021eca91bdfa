/**
 * memory-partition.ts – One partition over plain maps: the pure step, with what a commit would
 * write kept in memory.
 *
 * Keeps true: the member sets change only by the flips that a step reports, as they do in Redis, so
 * that a wrong flip stays visible; rows change only by the rows that a step returns.
 */
import type { Change } from '../../src/change/change.ts';
import type { ObjectType } from '../../src/change/object-type.ts';
import { packRecord, unpackRecord } from '../../src/change/record.ts';
import { LOG_START, type LogPosition } from '../../src/engine/batch.ts';
import { ABSENT, type Row, type Step, step } from '../../src/engine/step.ts';
import { WITHOUT_EDGES } from '../../src/engine/step-neighbours.ts';
import {
  entered,
  flippedPredicateId,
  type NetworkOptions,
  PredicateNetwork,
} from '../../src/query/network/network.ts';
import { predicateIds } from '../../src/query/network/predicate-ids.ts';
import type { Predicate } from '../../src/query/predicate/predicate.ts';
import { unpackState } from '../../src/redis/rows/state-row.ts';
import { NOON } from './contacts.ts';
import { stateText } from './state-text.ts';

export class MemoryPartition {
  readonly network: PredicateNetwork;
  readonly sets = new Map<number, Set<string>>();
  readonly rows = new Map<string, Row>();
  readonly steps: Step[] = [];
  readonly #type: ObjectType;
  #position: LogPosition = LOG_START;
  #entries = 0;
  #nowMs = NOON;

  constructor(type: ObjectType, options: NetworkOptions = {}) {
    this.#type = type;
    this.network = new PredicateNetwork(options);
  }

  /**
   * The clock of the last step. It goes on so little that it ends no window of the random queries.
   */
  get nowMs(): number {
    return this.#nowMs;
  }

  /**
   * Applies each group of changes as one entry of one batch; what does not fit into one step goes
   * into the next.
   */
  apply(groups: readonly (readonly Change[])[]): void {
    let entries = groups.map((changes) => ({
      id: `${++this.#entries}-0`,
      checkedAt: this.#type.revision,
      changes,
      payload: '',
    }));
    while (entries.length > 0) {
      const made = this.#step({ entries, position: this.#position, backfills: [], expired: [] });
      this.#position = made.position ?? this.#position;
      const done = Number(this.#position.entry.split('-')[0]);
      entries = entries.filter(({ id }) => Number(id.split('-')[0]) > done);
    }
  }

  /**
   * Adds a predicate beside live records, as a build does: it is in the network first, then all ids
   * are scanned.
   */
  add(predicateId: number, predicate: Predicate, between: () => void = () => {}): void {
    this.network.add(predicateId, predicate);
    this.sets.set(predicateId, new Set());
    between();
    this.backfill([predicateId]);
  }

  backfill(predicateIds: readonly number[]): void {
    const backfills = [
      { objectType: this.#type.name, predicateIds, ids: [...this.rows.keys()].sort() },
    ];
    this.#step({ entries: [], position: this.#position, backfills, expired: [] });
  }

  remove(predicateId: number): void {
    this.network.remove(predicateId);
    this.sets.delete(predicateId);
  }

  #step(batch: Parameters<typeof step>[0]): Step {
    const { network } = this;
    const all = predicateIds([...this.sets.keys()].sort((a, b) => a - b));
    const known = { type: this.#type, network, predicateIds: all, out: [], in: [] };
    const types = new Map([[this.#type.name, known]]);
    const made = step(batch, {
      types,
      ...WITHOUT_EDGES,
      timeZone: 'UTC',
      nowMs: ++this.#nowMs,
      row: (_, id) => this.rows.get(id) ?? ABSENT,
    });
    this.steps.push(made);
    for (const { id, after, flips } of made.records) {
      if (after.record) this.rows.set(id, this.#stored(after));
      else this.rows.delete(id);
      for (const flip of flips) {
        const set = this.sets.get(flippedPredicateId(flip));
        if (!set)
          throw new Error(`a flip of predicate id ${flippedPredicateId(flip)}, which has no set`);
        if (set.has(id) === entered(flip))
          throw new Error(
            `a flip of ${id} in predicate id ${flippedPredicateId(flip)} that is none`,
          );
        if (entered(flip)) set.add(id);
        else set.delete(id);
      }
    }
    return made;
  }

  /** Each row goes through its stored form, as if no row were ever cached. */
  #stored({ record, ...state }: Row): Row {
    return {
      record: record ? unpackRecord(packRecord(record)) : undefined,
      ...unpackState(stateText(state)),
    };
  }
}
