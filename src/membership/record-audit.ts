/**
 * record-audit.ts – The records of one type, and the member sets and state rows that are kept of
 * them, compared with the reference.
 *
 * Keeps true: every live record is asked about every segment, from the record as it is stored, by
 * reference-program.ts. That shares nothing with the engine: neither its networks and predicates,
 * nor what it has stored. A part of the pairs, of every segment some, is given to json-logic-js
 * itself as well; one that answers otherwise ends the audit.
 *
 * A record and its state row are read at one instant, sets at another one. A pair that does not
 * match is looked at again, all of it at one instant and by json-logic-js itself. Only what is
 * wrong then is reported. A set that goes wrong while it is compared may be missed, as one that
 * goes wrong afterwards is.
 *
 * Memory: of the records of one partition their ids, and a bit for each pair, up to TABLE_BITS_MAX.
 */
import type { StoredFilter } from '../catalog/catalog.ts';
import type { ObjectType } from '../change/object-type.ts';
import { filterableData, isLive, type RecordRow } from '../change/record.ts';
import { assert } from '../errors.ts';
import { holds } from '../query/json-logic/reference.ts';
import { ReferencePrograms } from '../query/json-logic/reference-program.ts';
import { hasPredicateId, NO_PREDICATE_IDS } from '../query/network/predicate-ids.ts';
import type { AuditRest } from './audit-pace.ts';
import type { AuditedSegment } from './audit-report.ts';
import type { HeldRecord, RowAudits } from './audit-store.ts';
import { BitTable } from './bit-table.ts';
import type { MembershipStore } from './membership-store.ts';
import type { StateRow } from './state-row.ts';

export interface RecordAuditContext {
  readonly memberships: Pick<MembershipStore, 'recordIds'>;
  readonly rows: Pick<RowAudits, 'held' | 'memberIds' | 'unlistedIds'>;
  readonly timeZone: string;
  readonly rest: AuditRest;
  /** Called with the number of records that were visited since. */
  readonly onVisit: (records: number) => void;
  /** Pairs that are held at once; TABLE_BITS_MAX if absent. */
  readonly tableBits?: number;
}

/** Segments that are about the same: one predicate answers for them, by the same JsonLogic. */
interface Question {
  readonly rule: StoredFilter['json_logic'];
  readonly predicateId: number;
  readonly segments: AuditedSegment[];
  /** Its place among the programs. */
  readonly program: number;
}

/** Some questions about a record. */
interface DoubtedRecord {
  readonly id: string;
  readonly questions: readonly Question[];
}

/** Pairs of a table: 32 MB, and as much again while some of them do not match. */
const TABLE_BITS_MAX = 2 ** 28;
/** Read, and parsed, in a few milliseconds. */
const CHUNK_RECORDS = 250;
/** Doubts that are looked at together: replies of one transaction. */
const CELLS_MAX = 10_000;
/** Sets that are read at once. */
const LANES = 8;
/** Pairs of each segment, and of all together, that json-logic-js is asked about as well. */
const CHECKS_OF_EACH = 16;
const CHECKS_MIN = 20_000;
const NO_STATE: StateRow = { truth: NO_PREDICATE_IDS, due: undefined };

export class RecordAudit {
  /** Pairs of a live record and a segment that were evaluated, and those that hold. */
  evaluations = 0;
  memberships = 0;
  /** Those of them that json-logic-js itself was asked about as well. */
  checks = 0;
  readonly #context: RecordAuditContext;
  readonly #type: ObjectType;
  readonly #questions: readonly Question[];
  readonly #byPredicate: ReadonlyMap<number, readonly number[]>;
  readonly #programs = new ReferencePrograms();
  /** Of each record so many questions are checked; the next one is where the last one ended. */
  readonly #checksOfRecord: number;
  #nextCheck = 0;

  /** `records`: how many there are of the type, about. */
  constructor(
    context: RecordAuditContext,
    type: ObjectType,
    audited: readonly AuditedSegment[],
    records: number,
  ) {
    this.#context = context;
    this.#type = type;
    this.#questions = this.#distinct(audited);
    const byPredicate = new Map<number, number[]>();
    for (const [at, { predicateId }] of this.#questions.entries())
      byPredicate.set(predicateId, [...(byPredicate.get(predicateId) ?? []), at]);
    this.#byPredicate = byPredicate;
    const count = this.#questions.length;
    const checks = Math.max(CHECKS_MIN, count * CHECKS_OF_EACH);
    this.#checksOfRecord = Math.min(count, Math.ceil(checks / Math.max(1, records)));
  }

  async walk(partition: number): Promise<void> {
    const places = await this.#listed(partition);
    if (this.#questions.length === 0) return this.#context.onVisit(places.size);
    const ids = [...places.keys()];
    const unlisted = await this.#context.rows.unlistedIds(partition, this.#type.name);
    const doubts = unlisted.map((id) => ({ id, questions: this.#questions }));
    await this.#examineAll(partition, doubts);
    const known = new Set(unlisted);
    const bits = this.#context.tableBits ?? TABLE_BITS_MAX;
    const most = Math.max(1, Math.floor(bits / this.#questions.length));
    for (let from = 0; from === 0 || from < ids.length; from += most)
      await this.#compare({
        ...{ partition, ids, places, known },
        ...{ from, to: Math.min(from + most, ids.length) },
      });
  }

  #distinct(audited: readonly AuditedSegment[]): Question[] {
    const byText = new Map<string, Question>();
    for (const one of audited) {
      const { predicateId, segment } = one;
      const { json_logic: rule } = segment;
      const text = `${predicateId} ${JSON.stringify(rule)}`;
      const same = byText.get(text);
      if (same) same.segments.push(one);
      else {
        const program = this.#programs.add(rule);
        byText.set(text, { rule, predicateId, segments: [one], program });
      }
    }
    return [...byText.values()];
  }

  /** The ids that are listed, by their place in the list. */
  async #listed(partition: number): Promise<Map<string, number>> {
    const { memberships, rest } = this.#context;
    const places = new Map<string, number>();
    for (let after = ''; ; ) {
      await rest();
      const some = await memberships.recordIds(partition, this.#type.name, after, CHUNK_RECORDS);
      for (const id of some) places.set(id, places.size);
      if (some.length < CHUNK_RECORDS) return places;
      after = some.at(-1)!;
    }
  }

  async #compare(stretch: Stretch): Promise<void> {
    const { partition, ids, from, to } = stretch;
    const table = new BitTable(this.#questions.length, to - from);
    const restless = await this.#evaluate(stretch, table);
    await this.#compareSets(stretch, table);
    for (let row = 0; restless && row < this.#questions.length; row++) {
      const rest = this.#context.rest();
      if (rest) await rest;
      table.add(row, restless);
    }
    const doubts: DoubtedRecord[] = [];
    for (const some of table.columns()) {
      const rest = this.#context.rest();
      if (rest) await rest;
      for (const [column, rows] of some)
        doubts.push({ id: ids[from + column]!, questions: rows.map((at) => this.#questions[at]!) });
      if (doubts.length >= CHUNK_RECORDS) await this.#examineAll(partition, doubts.splice(0));
    }
    await this.#examineAll(partition, doubts);
  }

  // ——— Rows ———

  /**
   * Sets what holds by the reference in `table`.
   * @returns where the state rows say otherwise; undefined: nowhere
   */
  async #evaluate(stretch: Stretch, table: BitTable): Promise<BitTable | undefined> {
    const { from, to } = stretch;
    let restless: BitTable | undefined;
    const doubt = (row: number, column: number) => {
      restless ??= new BitTable(this.#questions.length, to - from);
      restless.set(row, column);
    };
    const { rest, onVisit } = this.#context;
    let next = this.#read(stretch, from);
    for (let at = from; at < to; at += CHUNK_RECORDS) {
      const { held, readMs } = await next;
      // The store answers while what it has answered before is worked off.
      next = this.#read(stretch, at + CHUNK_RECORDS);
      next.catch(() => {});
      for (const [nth, record] of held.entries()) {
        const isTurn = rest();
        if (isTurn) await isTurn;
        this.#evaluateRecord(record, readMs, at - from + nth, table, doubt);
      }
      onVisit(held.length);
    }
    return restless;
  }

  async #read(
    { partition, ids, to }: Stretch,
    from: number,
  ): Promise<{ held: HeldRecord[]; readMs: number }> {
    const readMs = Date.now();
    const some = ids.slice(from, Math.min(from + CHUNK_RECORDS, to));
    return { held: await this.#context.rows.held(partition, this.#type.name, some), readMs };
  }

  #evaluateRecord(
    held: HeldRecord,
    readMs: number,
    column: number,
    table: BitTable,
    doubt: (row: number, column: number) => void,
  ): void {
    const document = this.#documentOf(held.record);
    const { truth, due } = held.state === 'unreadable' ? NO_STATE : held.state;
    if (document) {
      const nowMs = clockOf(due, readMs);
      this.#programs.begin(document, nowMs);
      this.#check(held.id, document, nowMs);
    } else if (truth === NO_PREDICATE_IDS) return;
    for (let row = 0; row < this.#questions.length; row++) {
      const { program, predicateId, segments } = this.#questions[row]!;
      const isExpected = document !== undefined && this.#programs.holds(program);
      if (document) this.evaluations += segments.length;
      if (isExpected) {
        this.memberships += segments.length;
        table.set(row, column);
      }
      if (hasPredicateId(truth, predicateId) !== isExpected) doubt(row, column);
    }
  }

  /** Asks json-logic-js some of the questions. */
  #check(id: string, document: unknown, nowMs: number): void {
    for (let nth = 0; nth < this.#checksOfRecord; nth++) {
      const { rule, program, segments } = this.#questions[this.#nextCheck]!;
      this.#nextCheck = (this.#nextCheck + 1) % this.#questions.length;
      this.checks += 1;
      const { slug } = segments[0]!.segment;
      const isSame = holds(rule, document, nowMs) === this.#programs.holds(program);
      assert(isSame, `the reference of segment '${slug}' is json-logic-js of record '${id}'`);
    }
  }

  // ——— Sets ———

  /** Turns the bits of all stored members: what is set then is on one side only. */
  async #compareSets(stretch: Stretch, table: BitTable): Promise<void> {
    const left = [...this.#byPredicate];
    const lane = async () => {
      const stored = table.emptyRow();
      try {
        for (let next = left.pop(); next; next = left.pop()) {
          const [predicateId, rows] = next;
          stored.clear();
          await this.#readSet(stretch, predicateId, stored);
          for (const row of rows) table.toggle(row, stored);
        }
      } finally {
        left.length = 0;
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }

  /** Members that are not listed are looked at now, once of all stretches. */
  async #readSet(
    { partition, places, from, to, known }: Stretch,
    predicateId: number,
    stored: BitTable,
  ): Promise<void> {
    const { rows, rest } = this.#context;
    const questions = this.#byPredicate.get(predicateId)!.map((at) => this.#questions[at]!);
    const strays = new Set<string>();
    for await (const ids of rows.memberIds(partition, predicateId)) {
      const isTurn = rest();
      if (isTurn) await isTurn;
      const found: DoubtedRecord[] = [];
      for (const id of ids) {
        const at = places.get(id);
        if (at !== undefined) {
          if (at >= from && at < to) stored.set(0, at - from);
        } else if (from === 0 && !known.has(id) && !strays.has(id)) {
          strays.add(id);
          found.push({ id, questions });
        }
      }
      await this.#examineAll(partition, found);
    }
  }

  // ——— Doubts ———

  async #examineAll(partition: number, doubts: readonly DoubtedRecord[]): Promise<void> {
    let some: DoubtedRecord[] = [];
    let cells = 0;
    for (const doubt of doubts) {
      some.push(doubt);
      cells += doubt.questions.length;
      if (cells < CELLS_MAX && some.length < CHUNK_RECORDS) continue;
      await this.#examine(partition, some);
      [some, cells] = [[], 0];
    }
    if (some.length > 0) await this.#examine(partition, some);
  }

  /**
   * Judges all that is kept of some records at one instant, by json-logic-js. What can't be read is
   * reported by row-faults.ts.
   */
  async #examine(partition: number, doubts: readonly DoubtedRecord[]): Promise<void> {
    const { rows, rest } = this.#context;
    const ids = doubts.map(({ id }) => id);
    const asked = doubts.map(({ questions }) => questions.map(({ predicateId }) => predicateId));
    const held = await rows.held(partition, this.#type.name, ids, asked);
    for (const [at, { id, record, state, isMember }] of held.entries()) {
      const isTurn = rest();
      if (isTurn) await isTurn;
      const document = this.#documentOf(record);
      const { truth, due } = state === 'unreadable' ? NO_STATE : state;
      const nowMs = clockOf(due, Date.now());
      for (const [nth, { rule, predicateId, segments }] of doubts[at]!.questions.entries()) {
        const isExpected = document !== undefined && holds(rule, document, nowMs);
        for (const { mismatches } of segments) {
          mismatches.set.compare(id, isMember[nth]!, isExpected);
          mismatches.state.compare(id, hasPredicateId(truth, predicateId), isExpected);
        }
      }
    }
  }

  /**
   * A live record as the JsonLogic of a segment sees it: declared attributes in normal form, and
   * nothing else.
   */
  #documentOf(record: HeldRecord['record']): Record<string, unknown> | undefined {
    if (record === 'unreadable' || !isLive(record)) return undefined;
    return documentOf(record, this.#type, this.#context.timeZone);
  }
}

/** A part of the listed records of a partition. */
interface Stretch {
  readonly partition: number;
  /** All that are listed, and the place of each. */
  readonly ids: readonly string[];
  readonly places: ReadonlyMap<string, number>;
  readonly from: number;
  readonly to: number;
  /** Ids that are not listed and were looked at. */
  readonly known: ReadonlySet<string>;
}

/**
 * What is stored holds until the record is due: that moment may have passed since, or a moment ago.
 */
function clockOf(due: number | undefined, nowMs: number): number {
  return due === undefined ? nowMs : Math.min(nowMs, due - 1);
}

function documentOf(
  record: RecordRow,
  type: ObjectType,
  timeZone: string,
): Record<string, unknown> {
  const values = filterableData(record, type, timeZone);
  const document: Record<string, unknown> = {};
  for (const name of type.attributes.keys())
    if (Object.hasOwn(values, name)) document[name] = values[name];
  return document;
}
