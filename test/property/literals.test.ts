/**
 * literals.test.ts – A literal of JsonLogic is refused exactly if no value of the attribute makes
 * json-logic-js find them equal.
 *
 * Values are tried, not reasoned about: for each type those of which some could be one of the
 * literals, and all literals beside each type, operation and side. Replay a failure with
 * ROLLCALL_SEED=<seed>.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { objectType, SCALAR_TYPES, type ScalarType } from '../../src/change/object-type.ts';
import { fitValue, inexactText } from '../../src/change/value.ts';
import { holds } from '../../src/query/json-logic/reference.ts';
import { faultsOf } from '../support/contacts.ts';

const SEED = Number(process.env.ROLLCALL_SEED ?? 1);

const TYPE = objectType('things', 1, {
  attributes: {
    ...Object.fromEntries(SCALAR_TYPES.map((type) => [type, { type }])),
    ...Object.fromEntries(SCALAR_TYPES.map((of) => [`${of}s`, { type: 'list' as const, of }])),
  },
  relationships: {},
});
const SCOPE = {
  type: TYPE,
  types: new Map([[TYPE.name, TYPE]]),
  timeZone: 'Europe/Zurich',
  segment: () => undefined,
};

/** Texts and numbers that JavaScript turns into each other, and dates and times in each form. */
const anyLiteral = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, 0, 1, -1, 2, 42, 0.5, 1e21, 20_261_126),
  fc.constantFrom(
    '',
    ' ',
    '0',
    '1',
    '01',
    '42',
    ' 42 ',
    '0x2a',
    '4e1',
    '1e999',
    'true',
    'false',
    'null',
    'a',
    '[object Object]',
  ),
  fc.constantFrom(
    '2026-11-26',
    '2026-11',
    '2026-1-26',
    '2026-02-30',
    '26.11.2026',
    '2026-11-26T10:00',
    '2026-11-26 10:00:00+01',
  ),
  fc.constantFrom(
    '2026-11-26T10:00:00Z',
    '2026-11-26t10:00:00.000z',
    '2026-11-26T10:00:00.000Z',
    '2026-11-26T10:00:00.0001Z',
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
  fc.string(),
  fc.constantFrom<unknown>(
    [],
    [42],
    ['42'],
    ['a', 'b'],
    [null],
    ['2026-11-26'],
    ['2026-11-26T10:00:00.000Z'],
    [true],
  ),
);

/**
 * Values of the type that may be the literal: what it says read as the type, in each way. None is a
 * text that is rounded.
 */
function valuesNear(literal: unknown, type: ScalarType): unknown[] {
  if (inexactText(type, literal) !== undefined) return [];
  const readings = [
    literal,
    String(literal),
    Number(literal),
    literal === 'true' || Number(literal) === 1,
    false,
    true,
    0,
    1,
    '',
    '0',
    '1',
  ];
  return readings.filter(
    (value) => value !== null && Object.is(fitValue({ type }, value, SCOPE.timeZone), value),
  );
}

const isRefused = (rule: unknown) => faultsOf(rule, SCOPE).length > 0;

it(`a literal is refused beside an attribute if no value can be it, and only then (seed=${SEED})`, () => {
  const sides = fc.record({
    type: fc.constantFrom(...SCALAR_TYPES),
    operation: fc.constantFrom('==', '===', '!=', '!=='),
    literal: anyLiteral,
    turned: fc.boolean(),
  });
  fc.assert(
    fc.property(sides, ({ type, operation, literal, turned }) => {
      const rule = { [operation]: turned ? [literal, { var: type }] : [{ var: type }, literal] };
      const equal = (value: unknown) =>
        holds(rule, { [type]: value }) !== operation.startsWith('!');
      // a missing value is null
      const canBe = literal === null || valuesNear(literal, type).some(equal);
      expect(isRefused(rule)).toBe(!canBe);
    }),
    { seed: SEED, numRuns: 5000 },
  );
});

it(`a literal is refused in a list, and of one, by the same measure (seed=${SEED})`, () => {
  fc.assert(
    fc.property(fc.constantFrom(...SCALAR_TYPES), anyLiteral, (type, literal) => {
      const near = valuesNear(literal, type);
      const inList = { in: [{ var: type }, [literal]] };
      expect(isRefused(inList)).toBe(
        literal !== null && !near.some((value) => holds(inList, { [type]: value })),
      );
      const ofList = { in: [literal, { var: `${type}s` }] };
      expect(isRefused(ofList)).toBe(
        !near.some((value) => holds(ofList, { [`${type}s`]: [value] })),
      );
    }),
    { seed: SEED, numRuns: 3000 },
  );
});
