/**
 * measures.test.ts – Whatever its row says of a measure: that it is said, written and read back.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SCALAR_TYPES } from '../../../../src/change/object-type.ts';
import { compileQuery } from '../../../../src/query/dialects/compile.ts';
import { derivedName, readDerivedName } from '../../../../src/query/network/derived-attribute.ts';
import {
  AGGREGATES,
  type AggregateName,
  isOfValues,
  keptFor,
  MEASURE_NAMES,
  measureOfOperation,
  measureRow,
  overNothing,
  rowOfValues,
  takesType,
} from '../../../../src/query/predicate/measures.ts';
import type { Measure, Predicate } from '../../../../src/query/predicate/predicate.ts';
import { RunningTally } from '../../../../src/query/predicate/tally.ts';
import { contactsScope, faultsOf, group, ORDERS } from '../../../support/contacts.ts';

const ATTRIBUTES = [...ORDERS.attributes].map(([name, { type }]) => ({ name, type }));
const OF_VALUES = MEASURE_NAMES.filter(isOfValues);

/** An aggregate of each attribute of orders that it takes, or of the orders themselves. */
const SAID = AGGREGATES.flatMap(
  ({ name }): (readonly [aggregate: AggregateName, field: string])[] =>
    isOfValues(name)
      ? ATTRIBUTES.filter(({ type }) => takesType(name, type)).map((attribute) => [
          name,
          `orders.${attribute.name}`,
        ])
      : [[name, 'orders']],
);
const COMPARED = [
  { operator: '>=', value: 2 },
  { operator: '=', value: 0 },
  { operator: '!=', value: 1 },
  { operator: 'between', value: [1, 3] },
  { operator: 'in', value: [1, 2] },
  { operator: 'null' },
];
const paid = { combinator: 'and', rules: [{ field: 'status', operator: '=', value: 'paid' }] };

describe.each(SAID)('%s of %s', (aggregate, field) => {
  const rules = COMPARED.flatMap((compared) => [
    { field, aggregate, ...compared },
    { field, aggregate, ...compared, where: paid },
  ]);

  it('is the same statement when its JsonLogic is sent as the query', () => {
    for (const rule of rules) {
      const { jsonLogic, key } = compileQuery(group(rule), contactsScope());
      expect([rule, compileQuery(jsonLogic, contactsScope()).key]).toEqual([rule, key]);
    }
  });

  it('is one measure, under the name of its derived attribute too', () => {
    const [first] = rules;
    const { predicate } = compileQuery(group(first), contactsScope());
    const measures = measuresIn(predicate);
    expect(measures).toEqual([expect.objectContaining({ kind: aggregate })]);
    const derived = { edge: 'orders.contact', direction: 'in', predicateId: 7 } as const;
    for (const measure of measures)
      expect(readDerivedName(derivedName({ ...derived, measure }))).toEqual({
        ...derived,
        measure,
      });
  });
});

function measuresIn(predicate: Predicate): Measure[] {
  if ('children' in predicate) return predicate.children.flatMap(measuresIn);
  if ('child' in predicate) return measuresIn(predicate.child);
  return predicate.kind === 'edge' ? [predicate.measure] : [];
}

describe('an attribute of a type that a measure does not take', () => {
  const refused = OF_VALUES.flatMap((name) =>
    ATTRIBUTES.filter(({ type }) => !takesType(name, type)).map(
      (attribute) => [name, `orders.${attribute.name}`] as const,
    ),
  );
  it.each(refused)('%s of %s', (aggregate, field) => {
    expect(faultsOf(group({ field, aggregate, operator: '>', value: 1 }))).toEqual([
      expect.stringContaining(`'${aggregate}' is of `),
    ]);
  });
});

describe('each measure', () => {
  it.each(MEASURE_NAMES)('%s is over nothing what its range allows', (name) => {
    const { range } = measureRow(name);
    expect(overNothing(name)).toBe(range === 'missing' ? undefined : 0);
  });

  it('of values has an operation of its own, and takes some attributes', () => {
    for (const name of OF_VALUES) {
      expect(measureOfOperation(rowOfValues(name).operation)).toBe(name);
      expect(SCALAR_TYPES.filter((type) => takesType(name, type))).not.toEqual([]);
    }
  });

  it.each(MEASURE_NAMES)('%s is the same in whatever order neighbours come', (name) => {
    // Records hold no -0.
    const double = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
    const neighbour = fc.oneof(double, fc.nat(3));
    const neighbours = fc.array(fc.option(neighbour, { nil: undefined }));
    const measure = (values: readonly unknown[]) => {
      const tally = new RunningTally(keptFor(name));
      for (const [at, value] of values.entries()) {
        if (at === 0 && value === undefined) tally.leaveOut();
        else tally.add(value);
      }
      return measureRow(name).readOff(tally);
    };
    fc.assert(
      fc.property(neighbours, (values) => {
        const present = values.filter((value) => value !== undefined);
        expect(measure([...present].reverse())).toBe(measure(present));
      }),
    );
  });

  it('counts no value that its partial state can not hold', () => {
    const odd = [null, undefined, '7', [1], { a: 1 }, Number.NaN, Number.POSITIVE_INFINITY];
    for (const name of OF_VALUES.filter((each) => !takesType(each, 'string'))) {
      const tally = new RunningTally(keptFor(name));
      for (const value of odd) tally.add(value);
      expect([name, measureRow(name).readOff(tally)]).toEqual([name, overNothing(name)]);
    }
  });
});
