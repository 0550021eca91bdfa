/**
 * seed-items.ts – A seed to test with: two types that refer to each other, segments that use each
 * other, views of both kinds.
 */
export interface SeedItemSent {
  readonly object_type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const group = (...rules: unknown[]) => ({ combinator: 'and', rules });

/**
 * Companies have a head, who is a contact; contacts have a company: types that refer to each other
 * in a circle.
 */
export const DEFINITIONS: readonly SeedItemSent[] = [
  {
    object_type: 'object_types',
    data: {
      name: 'companies',
      attributes: { name: { type: 'string' }, founded_on: { type: 'date' } },
      relationships: {
        head: { to: 'contacts', key: 'head_id', cardinality: 'one', inverse: 'heads' },
      },
    },
  },
  {
    object_type: 'object_types',
    data: {
      name: 'contacts',
      attributes: {
        age: { type: 'number' },
        name: { type: 'string' },
        tags: { type: 'list', of: 'string' },
      },
      relationships: {
        company: { to: 'companies', key: 'company_id', cardinality: 'one', inverse: 'contacts' },
      },
    },
  },
  {
    object_type: 'segments',
    data: {
      title: 'Adults',
      slug: 'adults',
      description: 'Old',
      object_type: 'contacts',
      query: group({ field: 'age', operator: '>=', value: 18 }),
    },
  },
  {
    object_type: 'segments',
    data: {
      title: 'Headed',
      slug: 'headed',
      object_type: 'companies',
      query: group({ field: 'head.age', operator: '>', value: 50 }),
    },
  },
  {
    object_type: 'segments',
    data: {
      title: 'Adults at Acme',
      slug: 'acme-adults',
      object_type: 'contacts',
      query: group(
        { field: '', operator: 'inSegment', value: 'adults' },
        { field: 'company.name', operator: '=', value: 'Acme' },
      ),
    },
  },
  {
    object_type: 'views',
    data: {
      title: 'Adults',
      slug: 'adults',
      object_type: 'contacts',
      segment: 'adults',
      columns: [{ path: 'name', label: 'Name' }, { path: 'company.name' }],
    },
  },
  {
    object_type: 'views',
    data: {
      title: 'Young companies',
      slug: 'young',
      object_type: 'companies',
      query: group({
        field: 'contacts',
        operator: '=',
        match: { mode: 'all' },
        value: group({ field: 'age', operator: '<', value: 30 }),
      }),
      columns: [{ path: 'name' }],
    },
  },
];
