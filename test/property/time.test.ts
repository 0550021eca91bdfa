/**
 * time.test.ts – While time passes, a network's truth is that of json-logic-js at every clock:
 * driven from flip to flip, a millisecond before and after each of them, at random clocks, after
 * long jumps, and between changes of the record.
 *
 * Replay a failure with ROLLCALL_SEED=<seed>; ROLLCALL_SOAK=1 runs fifty times as many under a new
 * seed.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { objectType } from '../../src/change/object-type.ts';
import { compileQuery, type QueryScope } from '../../src/query/dialects/compile.ts';
import { holds } from '../../src/query/json-logic/reference.ts';
import {
  entered,
  type Flip,
  flippedPredicateId,
  type NetworkOptions,
  PredicateNetwork,
} from '../../src/query/network/network.ts';
import type { Attributes } from '../../src/query/predicate/view.ts';
import { timeQueryOf, ZONES } from '../support/arbitrary-queries.ts';
import { isWhole } from '../support/whole.ts';

const SOAK = process.env.ROLLCALL_SOAK === '1';
const SEED = Number(process.env.ROLLCALL_SEED ?? (SOAK ? Date.now() % 2 ** 31 : 1));
const RUNS = SOAK ? 100_000 : isWhole ? 2_000 : 800;

const TYPE = objectType('things', 1, {
  attributes: { at: { type: 'datetime' }, day: { type: 'date' }, flag: { type: 'boolean' } },
  relationships: {},
});

/**
 * Where time goes otherwise than day by day: clocks that are put forward and back, a midnight and a
 * date that are left out.
 */
const ODD_MOMENTS: Readonly<Record<(typeof ZONES)[number], readonly string[]>> = {
  UTC: [
    '2024-02-29T00:00:00Z',
    '2023-02-28T12:00:00Z',
    '2024-01-31T23:00:00Z',
    '2024-12-31T23:59:59.999Z',
  ],
  'Europe/Berlin': ['2024-03-31T01:00:00Z', '2024-10-27T01:00:00Z'],
  'America/New_York': ['2024-03-10T07:00:00Z', '2024-11-03T06:00:00Z'],
  // the day begins at one; midnight goes back to eleven
  'America/Sao_Paulo': ['2018-11-04T03:00:00Z', '2018-02-18T03:00:00Z'],
  'Asia/Beirut': ['2024-03-30T22:00:00Z', '2024-10-26T21:00:00Z'],
  // half an hour
  'Australia/Lord_Howe': ['2024-10-05T15:30:00Z', '2024-04-06T15:00:00Z'],
  // from 00:01 back into the day before
  'America/St_Johns': ['2010-11-07T02:31:00Z', '2010-11-07T03:00:00Z'],
  // a date is left out
  'Pacific/Apia': ['2011-12-30T10:00:00Z'],
};

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Near a moment, some whole hours and days away, give or take a millisecond. */
function instantNear(moments: readonly string[]): fc.Arbitrary<number> {
  return fc
    .record({
      moment: fc.constantFrom(...moments),
      days: fc.oneof(
        { arbitrary: fc.constant(0), weight: 2 },
        { arbitrary: fc.constantFrom(1, -1, 7, 28, 29, 30, 31, -31, 90, 365), weight: 1 },
        { arbitrary: fc.integer({ min: -800, max: 800 }), weight: 1 },
      ),
      hours: fc.oneof(fc.constantFrom(0, 1, -1, 2, -3), fc.integer({ min: -24, max: 24 })),
      ms: fc.oneof(fc.constantFrom(0, 1, -1), fc.integer({ min: -HOUR_MS, max: HOUR_MS })),
    })
    .map(
      ({ moment, days, hours, ms }) => Date.parse(moment) + days * DAY_MS + hours * HOUR_MS + ms,
    );
}

function recordNear(moments: readonly string[]): fc.Arbitrary<Attributes> {
  const instant = instantNear(moments).map((at) => new Date(at).toISOString());
  const value = fc.option(instant, { freq: 8, nil: undefined });
  return fc
    .record({
      at: value,
      day: value.map((at) => at?.slice(0, 10)),
      flag: fc.constantFrom(undefined, true, false),
    })
    .map((values) =>
      Object.fromEntries(Object.entries(values).filter(([, each]) => each !== undefined)),
    );
}

/**
 * What happens next: time goes on to the next flip, or by so long, or the record or a query
 * changes.
 */
type Event =
  | { readonly kind: 'flip' }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'change'; readonly record: Attributes }
  | { readonly kind: 'replace'; readonly which: number; readonly query: unknown };

function eventNear(moments: readonly string[]): fc.Arbitrary<Event> {
  const pass = fc.oneof(
    fc.integer({ min: 1, max: 1000 }),
    fc.integer({ min: 1, max: 400 * DAY_MS }),
  );
  const replace = fc.tuple(fc.nat(9), timeQueryOf(TYPE));
  return fc.oneof(
    { arbitrary: fc.constant<Event>({ kind: 'flip' }), weight: 6 },
    { arbitrary: pass.map((ms): Event => ({ kind: 'pass', ms })), weight: 2 },
    {
      arbitrary: recordNear(moments).map((record): Event => ({ kind: 'change', record })),
      weight: 2,
    },
    {
      arbitrary: replace.map(([which, query]): Event => ({ kind: 'replace', which, query })),
      weight: 1,
    },
  );
}

interface Case {
  readonly timeZone: string;
  readonly startMs: number;
  readonly record: Attributes;
  readonly queries: readonly unknown[];
  readonly events: readonly Event[];
}

const anyCase: fc.Arbitrary<Case> = fc.constantFrom(...ZONES).chain((timeZone) => {
  const moments = [...ODD_MOMENTS[timeZone], ...ODD_MOMENTS.UTC.slice(0, 1)];
  return fc.record({
    timeZone: fc.constant(timeZone),
    startMs: instantNear(moments),
    record: recordNear(moments),
    queries: fc.array(timeQueryOf(TYPE), { minLength: 1, maxLength: 4 }),
    events: fc.array(eventNear(moments), { minLength: 1, maxLength: 12 }),
  });
});

interface Segment {
  readonly predicateId: number;
  readonly query: unknown;
  readonly jsonLogic: unknown;
}

/** One record under a clock that is driven by hand; what is held moves by reported flips alone. */
class Driven {
  readonly network: PredicateNetwork;
  readonly #scope: QueryScope;
  readonly #segments: Segment[] = [];
  readonly #held = new Set<number>();
  #record: Attributes;
  #nowMs: number;
  #nextPredicateId = 0;

  constructor({ timeZone, startMs, record, queries }: Case, options: NetworkOptions = {}) {
    this.network = new PredicateNetwork(options);
    this.#scope = {
      type: TYPE,
      types: new Map([[TYPE.name, TYPE]]),
      timeZone,
      segment: () => undefined,
    };
    this.#record = record;
    this.#nowMs = startMs;
    for (const query of queries) this.#add(query);
    for (const predicateId of this.network.create(record, startMs)) this.#held.add(predicateId);
    this.compare(startMs);
  }

  happens(event: Event): void {
    switch (event.kind) {
      case 'flip':
        this.#passToFlip();
        return;
      case 'pass':
        this.#passTo(this.#nowMs + event.ms);
        return;
      case 'change':
        this.#change(event.record);
        return;
      default:
        this.#replace(event.which % this.#segments.length, event.query);
    }
  }

  /** Nothing flips until the next flip, and nothing is left to flip right after it. */
  #passToFlip(): void {
    const dueMs = this.network.nextFlip(this.#record, this.#nowMs);
    const span = (dueMs ?? this.#nowMs + 1000 * DAY_MS) - this.#nowMs;
    expect(span).toBeGreaterThan(0);
    for (const share of [0.001, 0.3, 0.5, 0.9])
      this.compare(this.#nowMs + Math.floor((span - 1) * share));
    this.compare(this.#nowMs + span - 1);
    if (dueMs === undefined) return;
    this.#apply(this.network.fire(this.#record, dueMs - 1, dueMs, this.#holds));
    this.#nowMs = dueMs;
    this.compare(dueMs);
    this.#passTo(dueMs + 1);
  }

  /** As an engine does that was away: from the flip that was due first. */
  #passTo(nowMs: number): void {
    const dueMs = this.network.nextFlip(this.#record, this.#nowMs);
    if (dueMs !== undefined && dueMs <= nowMs) {
      this.#apply(this.network.fire(this.#record, dueMs - 1, nowMs, this.#holds));
    } else {
      expect(this.network.fire(this.#record, this.#nowMs, nowMs, this.#holds)).toEqual([]);
    }
    this.#nowMs = nowMs;
    this.compare(nowMs);
  }

  #change(after: Attributes): void {
    this.#apply(this.network.update(this.#record, after, undefined, this.#holds, this.#nowMs));
    this.#record = after;
    this.compare(this.#nowMs);
  }

  #replace(which: number, query: unknown): void {
    const { predicateId } = this.#segments[which]!;
    this.network.remove(predicateId);
    this.#held.delete(predicateId);
    this.#segments.splice(which, 1);
    const added = this.#add(query);
    if (this.network.holds(added, this.#record, this.#nowMs)) this.#held.add(added);
    this.compare(this.#nowMs);
  }

  #add(query: unknown): number {
    const predicateId = this.#nextPredicateId++;
    const { predicate, jsonLogic } = compileQuery(query, this.#scope);
    this.network.add(predicateId, predicate);
    this.#segments.push({ predicateId, query, jsonLogic });
    return predicateId;
  }

  readonly #holds = (predicateId: number): boolean => this.#held.has(predicateId);

  #apply(flips: readonly Flip[]): void {
    for (const flip of flips) {
      const predicateId = flippedPredicateId(flip);
      expect(entered(flip), 'a flip of what is held is a flip').toBe(!this.#held.has(predicateId));
      if (entered(flip)) this.#held.add(predicateId);
      else this.#held.delete(predicateId);
    }
  }

  /** @throws if json-logic-js says at that clock what is not held */
  compare(nowMs: number): void {
    for (const { predicateId, query, jsonLogic } of this.#segments) {
      const expected = holds(jsonLogic, this.#record, nowMs);
      if (expected === this.#held.has(predicateId)) continue;
      const at = `${new Date(nowMs).toISOString()} (since ${new Date(this.#nowMs).toISOString()})`;
      throw new Error(
        `${at} reference=${expected} query=${JSON.stringify(query)} ` +
          `of=${JSON.stringify(this.#record)}`,
      );
    }
  }
}

function run(drawn: Case, options?: NetworkOptions): void {
  const driven = new Driven(drawn, options);
  for (const event of drawn.events) driven.happens(event);
}

describe('a random clock', { timeout: SOAK ? 3_600_000 : 120_000 }, () => {
  it(`flips exactly what json-logic-js says at each clock (seed=${SEED})`, () => {
    fc.assert(
      fc.property(anyCase, (drawn) => run(drawn)),
      { seed: SEED, numRuns: RUNS },
    );
  });

  it('is found out when the index of ages reports nothing', () => {
    const found = fc.check(
      fc.property(anyCase, (drawn) => run(drawn, { brokenIndex: 'age' })),
      { seed: SEED, numRuns: RUNS, endOnFailure: true },
    );
    expect(found.failed).toBe(true);
  });
});
