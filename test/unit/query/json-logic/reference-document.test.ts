/** reference-document.test.ts – The nested document of a record, as the oracle sees it. */
import { describe, expect, it } from 'vitest';
import {
  document,
  type Graph,
  type GraphRecord,
} from '../../../../src/query/json-logic/reference-document.ts';
import { TYPES } from '../../../support/contacts.ts';

/** What is live: an archived record is not among them. */
const RECORDS: Record<string, readonly GraphRecord[]> = {
  contacts: [
    { id: 'ann', data: { name: 'Ann', age: null, organization_id: 'ada', shoe_size: 38 } },
  ],
  organizations: [
    { id: 'ada', data: { name: 'Ada', parent_id: 'ada' } },
    { id: 'sole', data: { parent_id: 'archived' } },
    { id: 'odd', data: { parent_id: ['ada'] } },
  ],
  orders: [
    { id: 'o1', data: { contact_id: 'ann', product_ids: ['pen', 'gone', 'ink', 'pen'] } },
    { id: 'o2', data: { contact_id: 'nobody', product_ids: 'pen' } },
  ],
  products: [
    { id: 'ink', data: { price: 3 } },
    { id: 'pen', data: { price: 2 } },
  ],
};

/** A document, whatever is asked of it. */
interface Nested {
  readonly [name: string]: Nested;
}

const GRAPH: Graph = { types: TYPES, records: (typeName) => RECORDS[typeName] ?? [] };
const documentOf = (typeName: string, id: string) =>
  document(
    typeName,
    RECORDS[typeName]!.find((record) => record.id === id)!,
    GRAPH,
  ) as unknown as Nested;

describe('a document', () => {
  it('has the declared attributes that have a value', () => {
    const ann = documentOf('contacts', 'ann');
    expect(Object.keys(ann).sort()).toEqual(['name', 'orders', 'organization']);
    expect(ann['name']).toBe('Ann');
  });

  it('has the one neighbour as an object, or null where there is none', () => {
    expect(documentOf('contacts', 'ann')['organization']?.['name']).toBe('Ada');
    expect(documentOf('organizations', 'sole')['parent']).toBeNull();
    expect(documentOf('organizations', 'odd')['parent']).toBeNull();
    expect(documentOf('orders', 'o2')['contact']).toBeNull();
  });

  it('has many neighbours as an array, in the order of the key, each once, and none that is not live', () => {
    expect(
      (documentOf('orders', 'o1')['products'] as unknown as { price: number }[]).map(
        ({ price }) => price,
      ),
    ).toEqual([2, 3]);
    expect(documentOf('orders', 'o2')['products']).toEqual([]);
    expect(documentOf('products', 'pen')['orders']).toHaveLength(1);
    expect(documentOf('organizations', 'sole')['children']).toEqual([]);
  });

  it('follows a circle for as long as it is read', () => {
    const ada = documentOf('organizations', 'ada');
    expect(
      ada['parent']?.['parent']?.['children']?.[0]?.['contacts']?.[0]?.['organization']?.['name'],
    ).toBe('Ada');
  });
});
