/**
 * examples.ts – One story for all examples: contacts, one of them, a segment of them and its view.
 *
 * Keeps true: the examples can be sent as they stand, one after the other.
 */

/** All examples are of this type. */
export const definitionExample = {
  attributes: {
    email: { type: 'string' },
    country: { type: 'string' },
    age: { type: 'number' },
    last_seen_at: { type: 'datetime' },
    tags: { type: 'list', of: 'string' },
  },
  relationships: {
    manager: { to: 'contacts', key: 'manager_id', cardinality: 'one', inverse: 'reports' },
  },
};

export const queryExample = {
  combinator: 'and',
  rules: [
    { field: 'country', operator: 'in', value: ['US', 'CA'] },
    { field: 'age', operator: '>=', value: 18 },
  ],
};

export const jsonLogicExample = {
  and: [{ in: [{ var: 'country' }, ['US', 'CA']] }, { '>=': [{ var: 'age' }, 18] }],
};

export const dataExample = { email: 'ada@example.com', country: 'US', age: 36, tags: ['early'] };

export const segmentExample = {
  title: 'Big spenders',
  slug: 'big-spenders',
  object_type: 'contacts',
  query: queryExample,
};

export const segmentWordsExample =
  'Contacts whose country is US or CA and whose age is at least 18';

export const recordExample = {
  object_type: 'contacts',
  id: 'c-17',
  data: dataExample,
  version: 3,
  source_version: 1_700_000_012,
  created_at: '2026-01-30T08:00:00.000Z',
  updated_at: '2026-01-31T09:30:00.000Z',
  archived_at: null,
};

export const viewExample = {
  title: 'Big spenders',
  slug: 'big-spenders',
  object_type: 'contacts',
  segment: 'big-spenders',
  columns: [
    { path: 'email', label: 'E-mail' },
    { path: 'manager.email', label: 'Manager' },
    { path: 'reports.age', aggregate: 'avg', label: 'Age of reports' },
  ],
  sort: [{ path: 'email', direction: 'asc' }],
};

export const rowExample = {
  id: 'c-17',
  email: 'ada@example.com',
  'manager.email': null,
  'Age of reports': 41.5,
};
