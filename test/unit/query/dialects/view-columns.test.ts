import { describe, expect, it } from 'vitest';
import { Problem } from '../../../../src/errors.ts';
import {
  type GivenDefinition,
  readViewDefinition,
} from '../../../../src/query/dialects/view-columns.ts';
import { contactsScope, group } from '../../../support/contacts.ts';

const read = (given: GivenDefinition) => readViewDefinition(given, contactsScope());

function faultsOf(given: GivenDefinition): string[] {
  try {
    read(given);
  } catch (error) {
    if (error instanceof Problem && error.code === 'view_invalid')
      return error.errors.map(({ path, detail }) => `${path}: ${detail}`);
    throw error;
  }
  return [];
}

/** The faults of one column. */
const columnFaults = (column: unknown) => faultsOf({ columns: [column] });

describe('a column', () => {
  it('is labelled by its path, or by what it is an aggregate of', () => {
    const { columns } = read({
      columns: [
        { path: 'name' },
        { path: 'organization.parent.name', label: 'Group' },
        { path: 'orders', aggregate: 'count' },
        { path: 'orders.total', aggregate: 'sum' },
        { path: 'orders.total', aggregate: 'max', label: 'Largest' },
      ],
    });
    expect(columns.map(({ label, field }) => [label, field])).toEqual([
      ['name', 'name'],
      ['Group', 'organization.parent.name'],
      ['count of orders', 'count of orders'],
      ['sum of orders.total', 'sum of orders.total'],
      ['Largest', 'Largest'],
    ]);
  });

  it('leads over to-one relationships to a value, or on over a to-many one to a number', () => {
    const { columns } = read({
      columns: [
        { path: 'organization.parent.name' },
        { path: 'organization.contacts.age', aggregate: 'avg' },
      ],
    });
    expect(columns.map(({ source }) => source)).toMatchObject([
      {
        kind: 'value',
        hops: [{ name: 'organization' }, { name: 'parent' }],
        place: { kind: 'attribute', name: 'name' },
      },
      {
        kind: 'measure',
        hops: [{ name: 'organization' }],
        many: { name: 'contacts', many: true },
        measure: { kind: 'avg', attribute: 'age' },
      },
    ]);
  });

  it('may be what every record has, of the record or of one that it leads to', () => {
    const { columns } = read({
      columns: ['id', 'version', 'created_at', 'organization.updated_at'].map((path) => ({ path })),
    });
    expect(columns.map(({ source }) => source.kind === 'value' && source.place)).toEqual([
      { kind: 'system', name: 'id' },
      { kind: 'system', name: 'version' },
      { kind: 'system', name: 'created_at' },
      { kind: 'system', name: 'updated_at' },
    ]);
  });

  it.each([
    [
      'nothing',
      3,
      '/columns/0: a column is an object { "path", "label"?, "aggregate"?, "where"? }',
    ],
    [
      'no path',
      { label: 'x' },
      '/columns/0/path: a column has a path: the name of an attribute, or a way to one',
    ],
    [
      'an unknown member',
      { path: 'age', width: 3 },
      "/columns/0/width: 'width' is not a member of a column",
    ],
    [
      'an empty label',
      { path: 'age', label: ' ' },
      '/columns/0/label: a label is a string of 1 to 200 characters',
    ],
    [
      'a way through many without an aggregate',
      { path: 'orders.total' },
      "/columns/0/path: 'orders' leads from contacts to many orders: a column of " +
        'many needs an aggregate, one of count, sum, avg, min, max, countDistinct',
    ],
    [
      'a to-many relationship itself',
      { path: 'organization.contacts' },
      "/columns/0/path: 'contacts' leads from organizations to many contacts: a " +
        'column of many needs an aggregate, one of count, sum, avg, min, max, countDistinct',
    ],
    [
      'a to-one relationship itself',
      { path: 'organization' },
      "/columns/0/path: 'organization' leads from contacts to one of organizations: " +
        "name one of its attributes, as 'organization.id'",
    ],
    [
      'a name that nothing has',
      { path: 'organization.size' },
      "/columns/0/path: organizations has no attribute 'size'; there are name, " +
        'industry, employees, founded_on, tags',
    ],
    [
      'an unknown aggregate',
      { path: 'orders.total', aggregate: 'median' },
      '/columns/0/aggregate: an aggregate is one of count, sum, avg, min, max, countDistinct, ' +
        'not "median"',
    ],
    [
      'a sum of one record',
      { path: 'organization.employees', aggregate: 'sum' },
      "/columns/0/path: 'organization.employees' is of one record: 'sum' is of a " +
        'relationship that leads to many',
    ],
    [
      'a sum of records',
      { path: 'orders', aggregate: 'sum' },
      "/columns/0/path: 'sum' is of a number attribute: name one of orders",
    ],
    [
      'a sum of texts',
      { path: 'orders.status', aggregate: 'sum' },
      "/columns/0/path: 'status' is a string: 'sum' is of numbers",
    ],
    [
      'a way on after many',
      { path: 'orders.products.price', aggregate: 'sum' },
      "/columns/0/path: 'orders.products.price' goes on after 'orders': 'sum' is of " +
        'the first relationship that leads to many',
    ],
    [
      'a condition without an aggregate',
      { path: 'age', where: group() },
      "/columns/0/where: 'where' says which related records an aggregate is of: " +
        'this column has none',
    ],
    [
      'a condition that is no group',
      { path: 'orders', aggregate: 'count', where: { '==': [1, 1] } },
      "/columns/0/where: 'where' is a group of rules about the related records",
    ],
    [
      'a condition about what related records do not have',
      {
        path: 'orders',
        aggregate: 'count',
        where: group({ field: 'age', operator: '>', value: 3 }),
      },
      "/columns/0/where/rules/0/field: orders has no attribute 'age'; there are " +
        'total, shipping, status, ordered_at',
    ],
  ])('is refused: %s', (_, column, fault) => {
    expect(columnFaults(column)).toEqual([fault]);
  });

  it('is refused where it would be another one in CSV or JSON', () => {
    const columns = [
      { path: 'name' },
      { path: 'age', label: 'name' },
      { path: 'name', label: 'Name' },
      { path: 'orders', aggregate: 'count', label: 'relationships' },
      { path: 'orders', aggregate: 'count', label: 'id' },
    ];
    expect(faultsOf({ columns })).toEqual([
      "/columns/1/label: two columns have the label 'name'",
      "/columns/2/path: two columns are the field 'name'",
      "/columns/3/label: 'relationships' is another member of a row",
      "/columns/4/label: 'id' is the record's id in a row",
    ]);
  });

  it('names each fault of each column at once', () => {
    expect(
      faultsOf({ columns: [{ path: 'x' }, { path: 'age' }, { path: 'orders' }] }).map(
        (text) => text.split(':')[0],
      ),
    ).toEqual(['/columns/0/path', '/columns/2/path']);
  });

  it.each([[[]], ['name'], [undefined]])('is there at least once (%j)', (columns) => {
    expect(faultsOf({ columns })).toEqual([
      '/columns: columns are a list of 1 to 200 columns { "path", "label"? }',
    ]);
  });
});

describe('relationships and order', () => {
  const columns = [{ path: 'name' }];

  it('are the steps and the places that they name', () => {
    const { relationships, sort } = read({
      columns,
      relationships: ['organization', 'orders'],
      sort: [
        { path: 'age', direction: 'desc' },
        { path: 'id', direction: 'asc' },
      ],
    });
    expect(relationships.map(({ name, many }) => [name, many])).toEqual([
      ['organization', false],
      ['orders', true],
    ]);
    expect(sort.map(({ place, direction }) => [place.name, direction])).toEqual([
      ['age', 'desc'],
      ['id', 'asc'],
    ]);
  });

  it.each([
    [
      { relationships: ['organization', 'boss', 'organization'] },
      [
        '/relationships/1: there is no relationship "boss": those of contacts are ' +
          'organization, orders',
        "/relationships/2: 'organization' is named twice",
      ],
    ],
    [{ relationships: 'orders' }, ['/relationships: relationships are a list of at most 20 names']],
    [
      { sort: [{ path: 'organization.name', direction: 'asc' }] },
      ["/sort/0/path: 'organization.name': rows are sorted by their own attributes only"],
    ],
    [
      { sort: [{ path: 'tags', direction: 'asc' }] },
      ["/sort/0/path: 'tags' is a list of strings: it has no order"],
    ],
    [
      { sort: [{ path: 'age', direction: 'up', nulls: 'first' }] },
      [
        "/sort/0/nulls: 'nulls' is not known here",
        '/sort/0/direction: the direction is "asc" or "desc", not "up"',
      ],
    ],
  ])('are refused: %j', (given, faults) => {
    expect(faultsOf({ columns, ...given })).toEqual(faults);
  });
});
