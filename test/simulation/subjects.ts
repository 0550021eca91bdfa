/**
 * subjects.ts – What a simulated deployment is about: object types, records, and queries over one
 * and more relationships.
 *
 * Keeps true: ids and values are so few that keys are shared, dangle and move, and that conditions
 * flip often.
 */
import type { Change } from '../../src/change/change.ts';
import type { ObjectTypeDefinition } from '../../src/change/object-type.ts';
import type { Attributes } from '../../src/query/predicate/view.ts';
import type { Choose } from '../support/memory-deployment.ts';
import type { Model } from './model.ts';

type Definitions = Readonly<Record<string, ObjectTypeDefinition>>;

interface Query {
  readonly objectType: string;
  readonly query: unknown;
}

export interface Subject {
  readonly definitions: Definitions;
  /**
   * Other declarations of single types, to which a deployment may change and from which it may
   * change back.
   */
  readonly otherwise?: Definitions;
  readonly queries: readonly Query[];
  /** When its clock starts, and the most by which it goes on at once. */
  readonly time: { readonly startMs: number; readonly strideMs: number };
  /** The next change of a random record, with values in normal form. */
  readonly change: (choose: Choose, model: Model, nowMs: number) => Change;
  /** Whether some changes have preconditions. */
  readonly isConditional?: boolean;
  /** Of which records JsonLogic takes more than its budget; of none if absent. */
  readonly isTooCostly?: (attributes: Attributes) => boolean;
}

const DEFINITIONS: Definitions = {
  organizations: {
    attributes: { industry: { type: 'string' }, size: { type: 'number' } },
    relationships: {
      parent: { to: 'organizations', key: 'parent_id', cardinality: 'one', inverse: 'children' },
    },
  },
  contacts: {
    attributes: {
      age: { type: 'number' },
      name: { type: 'string' },
      seen_at: { type: 'datetime' },
    },
    relationships: {
      organization: {
        to: 'organizations',
        key: 'organization_id',
        cardinality: 'one',
        inverse: 'contacts',
      },
      groups: { to: 'groups', key: 'group_ids', cardinality: 'many', inverse: 'members' },
    },
  },
  groups: { attributes: { level: { type: 'number' } }, relationships: {} },
};

/**
 * Other keys, another cardinality, an attribute whose values do not fit any more, and one whose
 * values are other moments.
 */
const OTHERWISE: Definitions = {
  organizations: {
    attributes: { industry: { type: 'string' }, size: { type: 'number' } },
    relationships: {
      parent: { to: 'organizations', key: 'owner_id', cardinality: 'one', inverse: 'children' },
    },
  },
  contacts: {
    attributes: { age: { type: 'number' }, name: { type: 'number' }, seen_at: { type: 'date' } },
    relationships: {
      organization: {
        to: 'organizations',
        key: 'employer_id',
        cardinality: 'one',
        inverse: 'contacts',
      },
      groups: { to: 'groups', key: 'team_id', cardinality: 'one', inverse: 'members' },
    },
  },
};

const all = (...rules: unknown[]) => ({ combinator: 'and', not: false, rules });
const none = (...rules: unknown[]) => ({ combinator: 'and', not: true, rules });
const rule = (field: string, operator: string, value?: unknown, more: object = {}) => ({
  field,
  operator,
  value,
  ...more,
});
const atLeast = (threshold: number) => ({ match: { mode: 'atLeast', threshold } });
const over =
  (objectType: string) =>
  (field: string, operator: string, value?: unknown, more: object = {}) => ({
    objectType,
    query: all(rule(field, operator, value, more)),
  });
const contacts = over('contacts');
const organizations = over('organizations');
const groups = over('groups');
const older = all(rule('age', '>', 30));
const seconds = (amount: number) => ({ amount, unit: 'second' });
const fromNow = (offset: number) => ({ mode: 'relative', anchor: 'now', offset, unit: 'second' });
const fresh = all(rule('seen_at', 'inLast', seconds(5)));

const QUERIES: readonly Query[] = [
  contacts('age', '>', 30),
  contacts('organization.industry', '=', 'SaaS'),
  contacts('organization.industry', '!=', 'SaaS'),
  {
    objectType: 'contacts',
    query: all(rule('organization.parent.size', '>', 5), rule('age', '<', 50)),
  },
  contacts('organization', 'null'),
  contacts('groups.level', '>=', 3),
  contacts('groups', '=', all(rule('level', '>', 1)), atLeast(2)),
  contacts('groups.level', '>', 4, { aggregate: 'sum' }),
  contacts('organization.contacts.age', '>', 60),
  contacts('organization.contacts', '=', all(rule('groups.level', '=', 2)), {
    match: { mode: 'atMost', threshold: 1 },
  }),
  organizations('contacts', '=', older, atLeast(2)),
  organizations('contacts', '=', older, { match: { mode: 'none' } }),
  organizations('contacts', '=', older, { match: { mode: 'all' } }),
  organizations('contacts', '=', older, atLeast(0.5)),
  organizations('contacts.age', '>=', 60, { aggregate: 'sum' }),
  organizations('contacts.age', '>', 40, { aggregate: 'avg' }),
  organizations('contacts.age', '<', 25, { aggregate: 'min', where: all(rule('name', '!=', 'x')) }),
  organizations('contacts.age', '>', 60, { aggregate: 'max' }),
  organizations('contacts.name', '>=', 2, { aggregate: 'countDistinct' }),
  organizations('contacts.age', '=', 1, { aggregate: 'countDistinct', where: older }),
  contacts('groups.level', '=', 2, { aggregate: 'countDistinct' }),
  organizations('children.size', '>', 3, { aggregate: 'count' }),
  organizations('children', '>', 1, { aggregate: 'count' }),
  contacts('name', 'notNull'),
  organizations('contacts', '=', all(rule('name', 'null')), atLeast(1)),
  groups('members.organization.industry', '=', 'SaaS'),
  groups('members.organization.industry', '!=', 'SaaS'),
  groups('members', '=', none(rule('organization.parent.industry', '=', 'SaaS')), {
    match: { mode: 'exactly', threshold: 1 },
  }),
  contacts('seen_at', 'inLast', seconds(5)),
  contacts('seen_at', 'notInLast', seconds(8)),
  contacts('seen_at', 'inNext', seconds(4)),
  contacts('seen_at', '<', fromNow(-6)),
  contacts('seen_at', 'between', [fromNow(-3), fromNow(3)]),
  {
    objectType: 'contacts',
    query: none(rule('seen_at', 'inLast', seconds(3)), rule('organization.size', '>', 3)),
  },
  contacts('organization.contacts', '=', fresh, { match: { mode: 'some' } }),
  organizations('contacts.seen_at', 'notInNext', seconds(10)),
  organizations('contacts', '=', fresh, atLeast(2)),
  organizations('contacts', '=', all(rule('seen_at', '>=', fromNow(-12))), {
    match: { mode: 'all' },
  }),
  organizations(
    'contacts',
    '=',
    none(rule('seen_at', 'inNext', seconds(6)), rule('age', '>', 50)),
    atLeast(0.5),
  ),
  organizations('contacts.age', '>', 60, { aggregate: 'sum', where: fresh }),
  organizations('contacts.age', '<', 25, {
    aggregate: 'min',
    where: all(rule('seen_at', 'notInLast', seconds(9))),
  }),
  groups('members', '=', fresh, atLeast(2)),
  groups(
    'members',
    '=',
    all(rule('organization.contacts', '=', fresh, { match: { mode: 'none' } })),
    atLeast(1),
  ),
];

const IDS: Readonly<Record<string, readonly string[]>> = {
  organizations: ['o1', 'o2', 'o3', 'o4'],
  contacts: ['c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7'],
  groups: ['g1', 'g2', 'g3'],
};

/** Half seconds, as the windows of the queries are whole ones. */
const STRIDE_MS = 2000;

function anyChange(choose: Choose, model: Model, nowMs: number): Change {
  const objectType = pick(choose, ['organizations', 'contacts', 'contacts', 'contacts', 'groups']);
  const id = pick(choose, IDS[objectType]!);
  const data = anyData(choose, objectType, nowMs);
  const isThere = model.get(objectType, id) !== undefined;
  const op = isThere
    ? pick(choose, [
        'put',
        'patch',
        'patch',
        'patch',
        'patch',
        'archive',
        'restore',
        'delete',
      ] as const)
    : 'put';
  if (op === 'put') return { op, object_type: objectType, id, data: withoutNull(data) };
  if (op !== 'patch') return { op, object_type: objectType, id };
  const name = pick(choose, Object.keys(data));
  return { op, object_type: objectType, id, data: { [name]: data[name] ?? null } };
}

function anyData(choose: Choose, objectType: string, nowMs: number): Record<string, unknown> {
  const orNull = (oneIn: number, value: unknown) => (choose(oneIn) === 0 ? null : value);
  const id = (of: string) => pick(choose, IDS[of]!);
  switch (objectType) {
    case 'organizations':
      return {
        industry: orNull(4, pick(choose, ['SaaS', 'Retail'])),
        size: orNull(4, choose(10)),
        parent_id: orNull(2, id('organizations')),
        owner_id: orNull(2, id('organizations')),
      };
    case 'contacts':
      return {
        age: orNull(5, choose(80)),
        name: orNull(2, pick(choose, ['x', 'y'])),
        seen_at: orNull(5, momentNear(choose, nowMs, STRIDE_MS)),
        organization_id: orNull(4, id('organizations')),
        group_ids: orNull(3, [id('groups'), id('groups')]),
        employer_id: orNull(4, id('organizations')),
        team_id: orNull(3, id('groups')),
      };
    default:
      return { level: orNull(5, choose(5)) };
  }
}

/** So near to the clock that it passes, and so far from others that records are due together. */
export function momentNear(choose: Choose, nowMs: number, strideMs: number): string {
  const apartMs = strideMs / 4;
  return new Date(apartMs * (Math.floor(nowMs / apartMs) + choose(25) - 12)).toISOString();
}

export function withoutNull(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(data).filter(([, value]) => value !== null));
}

export const COMPANY: Subject = {
  definitions: DEFINITIONS,
  otherwise: OTHERWISE,
  queries: QUERIES,
  time: { startMs: 0, strideMs: STRIDE_MS },
  change: anyChange,
};

/** JsonLogic that stays a program, of a contact and across relationships, beside what is none. */
const odd = { '==': [{ '%': [{ var: 'age' }, 2] }, 1] };
const threes = { '==': [{ '%': [{ var: 'age' }, 3] }, 0] };
const PROGRAMS: readonly Query[] = [
  { objectType: 'contacts', query: odd },
  { objectType: 'contacts', query: { and: [odd, { '>': [{ var: 'age' }, 30] }] } },
  {
    objectType: 'contacts',
    query: { or: [threes, { '!': [odd] }, { '==': [{ var: 'organization.industry' }, 'SaaS'] }] },
  },
  { objectType: 'organizations', query: { some: [{ var: 'contacts' }, odd] } },
  {
    objectType: 'organizations',
    query: { none: [{ var: 'contacts' }, { and: [threes, { var: 'name' }] }] },
  },
  { objectType: 'groups', query: { some: [{ var: 'members' }, threes] } },
  contacts('age', '>', 30),
  organizations('contacts', '=', older, atLeast(2)),
];

/** The same company, in which some contacts are of an age for which programs take too much. */
export const COSTLY: Subject = {
  ...COMPANY,
  queries: PROGRAMS,
  isTooCostly: ({ age }) => age === 13 || age === 66,
};

export function pick<T>(choose: Choose, from: readonly T[]): T {
  return from[choose(from.length)]!;
}
