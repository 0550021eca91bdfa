/**
 * random-subject.ts – Object types, records and queries that a seed draws: relationships in
 * circles, every dialect and measure.
 */
import fc from 'fast-check';
import type { Change } from '../../src/change/change.ts';
import { objectTypeDefinition } from '../../src/change/object-type.ts';
import { type RelatedCase, relatedCase } from '../support/arbitrary-relationships.ts';
import { NOON } from '../support/contacts.ts';
import type { Choose } from '../support/memory-deployment.ts';
import { dayOf, type Model } from './model.ts';
import { momentNear, pick, type Subject, withoutNull } from './subjects.ts';

const anyTimedCase = relatedCase({ time: true });

const DAY_MS = 86_400_000;
/**
 * The drawn values lie about the turn of the year and two months later; windows that begin or end
 * there are passed in days and weeks.
 */
const TIMES: readonly Subject['time'][] = [
  { startMs: NOON, strideMs: 5 * DAY_MS },
  { startMs: Date.parse('2023-12-31T12:00:00Z'), strideMs: 2 * DAY_MS },
  { startMs: Date.parse('2023-12-31T23:59:50Z'), strideMs: 3000 },
];

/** Of so many cases every second seed takes the first one of which a query looks at the clock. */
const CASES = 5;
const LOOKS_AT_CLOCK = /"now"|"relative"|Last"|Next"|inCurrent|inPrevious/;

const IDS = ['a', 'b', 'c', 'd', 'e'];

export function randomSubject(seed: number): Subject {
  const cases = fc.sample(anyTimedCase, { seed, numRuns: CASES });
  const timed = cases.find(({ queries }) => LOOKS_AT_CLOCK.test(JSON.stringify(queries)));
  const drawn = (seed % 2 === 0 ? timed : undefined) ?? cases[0]!;
  const time = TIMES[seed % TIMES.length]!;
  return {
    definitions: Object.fromEntries(
      [...drawn.types].map(([name, type]) => [name, objectTypeDefinition(type)]),
    ),
    time,
    queries: drawn.queries.map((query) => ({ objectType: drawn.type.name, query })),
    change: (choose, model, nowMs) =>
      anyChange(choose, model, drawn, () => momentNear(choose, nowMs, time.strideMs)),
  };
}

/**
 * Values come from the drawn records, so that they meet the drawn queries; moments lie near to the
 * clock too.
 */
function anyChange(
  choose: Choose,
  model: Model,
  { types, graph }: RelatedCase,
  moment: () => string,
): Change {
  const objectType = pick(choose, [...types.keys()]);
  const id = pick(choose, IDS);
  const drawn = [...graph.records(objectType)].map(({ data }) => withoutNull(data));
  const data = {
    ...(drawn.length === 0 ? {} : pick(choose, drawn)),
    ...(choose(3) > 0 ? moments(moment) : {}),
  };
  if (!model.get(objectType, id) || choose(5) === 0)
    return { op: 'put', object_type: objectType, id, data };
  const op = pick(choose, [
    'patch',
    'patch',
    'patch',
    'patch',
    'archive',
    'restore',
    'restore',
    'delete',
  ] as const);
  if (op !== 'patch') return { op, object_type: objectType, id };
  const { attributes, relationships } = types.get(objectType)!;
  const name = pick(choose, [
    ...attributes.keys(),
    ...[...relationships.values()].map(({ key }) => key),
  ]);
  return { op, object_type: objectType, id, data: { [name]: data[name] ?? null } };
}

function moments(moment: () => string): Record<string, unknown> {
  return { at: moment(), day: dayOf(moment()) };
}
