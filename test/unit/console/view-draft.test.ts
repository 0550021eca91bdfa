/**
 * view-draft.test.ts – A view as it is designed: what a change makes of it, and what is sent.
 */
import { describe, expect, it } from 'vitest';
import { readKept } from '../../../src/console/pages/views/kept-draft.ts';
import {
  bodyOf,
  draftOf,
  emptyDraft,
  isSameDraft,
  slugOf,
  withColumn,
  withLabel,
  withMoved,
  withoutColumn,
} from '../../../src/console/pages/views/view-draft.ts';
import { measuresOf, valuesOf, waysFrom } from '../../../src/console/pages/views/view-paths.ts';
import type { TypeShown, ViewShown } from '../../../src/console/server/answers.ts';

const WHERE = { combinator: 'and', rules: [] };
const VIEW: ViewShown = {
  id: '0d6f4b0c-8a1e-4b9a-9c55-6f0d6a3c7a10',
  title: 'Sales',
  slug: 'sales',
  object_type: 'contacts',
  segment: 'big',
  columns: [
    { path: 'name', label: 'Name' },
    { path: 'email' },
    { path: 'orders', aggregate: 'count', where: WHERE },
  ],
  revision: 3,
  created_at: '2026-01-01T00:00:00.000Z',
  updated_at: '2026-01-01T00:00:00.000Z',
};
const paths = (draft: ReturnType<typeof draftOf>) => draft.columns.map(({ path }) => path);

describe('a draft', () => {
  it('that nobody touched sends what was read', () => {
    const { title, slug, object_type, segment, columns } = VIEW;
    expect(bodyOf(draftOf(VIEW))).toEqual({ title, slug, object_type, segment, columns });
    expect(isSameDraft(draftOf(VIEW), draftOf(VIEW))).toBe(true);
  });

  it('keeps a query of its own, an order and what is given along', () => {
    const { segment: _, ...rest } = VIEW;
    const given = {
      ...{ query: WHERE, sort: [{ path: 'age', direction: 'desc' as const }] },
      ...{ relationships: ['orders'], description: 'Who buys' },
    };
    expect(bodyOf(draftOf({ ...rest, ...given }))).toMatchObject(given);
    expect(bodyOf(draftOf({ ...rest, ...given }))).not.toHaveProperty('segment');
  });

  it('moves a column by one step, and no further than the ends', () => {
    const draft = draftOf(VIEW);
    const [name, , orders] = draft.columns;
    expect(paths(withMoved(draft, name!.key, 1))).toEqual(['email', 'name', 'orders']);
    expect(paths(withMoved(draft, orders!.key, -1))).toEqual(['name', 'orders', 'email']);
    expect(withMoved(draft, name!.key, -1)).toBe(draft);
    expect(withMoved(draft, orders!.key, 1)).toBe(draft);
    expect(isSameDraft(draft, withMoved(draft, name!.key, 1))).toBe(false);
  });

  it('takes a column away, and gives a new one a name that is free', () => {
    const draft = draftOf(VIEW);
    expect(paths(withoutColumn(draft, draft.columns[1]!.key))).toEqual(['name', 'orders']);
    const added = withColumn(draft, { path: 'organization.name', label: 'Name' });
    expect(added.columns.at(-1)).toMatchObject({ path: 'organization.name', label: 'Name 2' });
    expect(new Set(added.columns.map(({ key }) => key)).size).toBe(4);
    // The rows of the saved view do not have it.
    expect(added.columns.at(-1)!.savedField).toBeUndefined();
  });

  it('finds a saved value by path, of an aggregate by label, whatever it is called now', () => {
    const draft = draftOf(VIEW);
    const fields = () => draft.columns.map(({ savedField }) => savedField);
    expect(fields()).toEqual(['name', 'email', 'count of orders']);
    const [, email, orders] = draft.columns;
    const renamed = withLabel(withLabel(draft, orders!.key, 'Orders'), email!.key, 'Mail');
    expect(renamed.columns.map(({ savedField }) => savedField)).toEqual(fields());
    const body = bodyOf(withLabel(renamed, email!.key, ''));
    expect(body['columns']).toEqual([
      { path: 'name', label: 'Name' },
      { path: 'email' },
      { path: 'orders', aggregate: 'count', where: WHERE, label: 'Orders' },
    ]);
  });

  it('of a new view has a slug of its title, unless it is given one', () => {
    const draft = { ...emptyDraft('contacts', 'big'), title: '  Größte Kunden, 2026! ' };
    expect(bodyOf(draft)['slug']).toBe('gro-te-kunden-2026');
    expect(bodyOf({ ...draft, slug: 'own' })['slug']).toBe('own');
    expect(slugOf('x'.repeat(99)).length).toBe(64);
  });
});

describe('a draft that was kept', () => {
  it('is there again, with the tag that it was begun with, and with keys of its own', () => {
    const draft = draftOf(VIEW);
    const kept = readKept(JSON.stringify({ tag: '"a-3-x"', draft }))!;
    expect(kept.tag).toBe('"a-3-x"');
    expect(isSameDraft(kept.draft, draft)).toBe(true);
    const keys = [...kept.draft.columns, ...draft.columns].map(({ key }) => key);
    expect(new Set(keys).size).toBe(6);
  });

  it.each([
    [null],
    [''],
    ['{'],
    ['7'],
    ['{"draft":{"title":"x"}}'],
    [JSON.stringify({ draft: { ...draftOf(VIEW), columns: 3 } })],
  ])('is none if it can not be read: %j', (text) => {
    expect(readKept(text)).toBeUndefined();
  });
});

describe('what a column can be', () => {
  const type = (name: string, given: Partial<TypeShown>): TypeShown => ({
    ...{ name, attributes: {}, relationships: {} },
    ...given,
  });
  const CONTACTS = type('contacts', {
    attributes: { name: { type: 'string', label: 'Full name' }, tags: { type: 'list' } },
    relationships: { firm: { to: 'firms', key: 'firm_id', inverse: 'people' } },
  });
  const FIRMS = type('firms', {
    attributes: { size: { type: 'number' }, name: { type: 'string' } },
  });
  const TYPES = new Map([CONTACTS, FIRMS].map((each) => [each.name, each]));
  const NOWHERE = { names: [], titles: [] };

  it('has the ways of a type and the ways back to it', () => {
    expect(waysFrom(CONTACTS, TYPES)).toEqual([
      { name: 'firm', title: 'Firm', type: 'firms', isMany: false },
    ]);
    expect(waysFrom(FIRMS, TYPES)).toEqual([
      { name: 'people', title: 'People', type: 'contacts', isMany: true },
    ]);
  });

  it('has attributes at the end of a way, under the names that they are declared with', () => {
    expect(valuesOf(CONTACTS, NOWHERE).slice(0, 2)).toEqual([
      { path: 'name', label: 'Full name' },
      { path: 'tags', label: 'Tags' },
    ]);
    expect(valuesOf(FIRMS, { names: ['firm'], titles: ['Firm'] })[0]).toEqual({
      path: 'firm.size',
      label: 'Firm: Size',
    });
  });

  it('has of many only the aggregates that their attributes can be asked for', () => {
    const way = { name: 'firms', title: 'Firms', type: 'firms', isMany: true };
    const found = measuresOf(way, FIRMS, NOWHERE).map(
      ({ path, aggregate }) => `${aggregate} ${path}`,
    );
    expect(found).toContain('count firms');
    expect(found).toContain('sum firms.size');
    expect(found).toContain('countDistinct firms.name');
    expect(found).not.toContain('sum firms.name');
    expect(found).not.toContain('count firms.size');
  });
});
