import { describe, expect, it } from 'vitest';
import { mapColumns } from '../../../../src/api/imports/columns.ts';
import { type Attribute, objectType } from '../../../../src/change/object-type.ts';

const typeOf = (...names: string[]) =>
  objectType('t', 1, {
    attributes: Object.fromEntries(
      names.map((name) => [name, { type: 'string' } satisfies Attribute]),
    ),
    relationships: {},
  });
const mapped = (header: string[], map: [string, string][], ...names: string[]) =>
  mapColumns(header, 'id', new Map(map), typeOf(...names)).attributes;

describe('the columns of a header', () => {
  it('hold the attribute that people, databases and programs mean by them', () => {
    for (const title of [
      'firstName',
      'first_name',
      'First name',
      'FIRST NAME',
      ' first-name ',
      'FirstName',
    ])
      for (const name of ['firstName', 'first_name'])
        expect(mapped(['id', title], [], name)).toEqual([null, name]);
  });

  it('hold the very attribute where there is one, whatever is alike', () => {
    const header = ['id', 'first_name', 'firstName'];
    expect(mapped(header, [], 'firstName', 'first_name')).toEqual([
      null,
      'first_name',
      'firstName',
    ]);
  });

  it('hold the ids beside attributes that are called so in other letters, as an export writes them', () => {
    expect(mapped(['id', 'ID', 'Id'], [['Id', 'x']], 'ID', 'x')).toEqual([null, 'ID', 'x']);
    expect(() => mapped(['ID', 'Id'], [], 'x')).toThrow(/two columns for the ids/);
    expect(() => mapped(['ID', 'x'], [], 'ID', 'x')).toThrow(/no column 'id'/);
  });

  it('are refused where two attributes are meant, until a map says which', () => {
    const names = ['firstName', 'first_name'] as const;
    expect(() => mapped(['id', 'First name'], [], ...names)).toThrow(
      /firstName or first_name.*\?map=/,
    );
    expect(mapped(['id', 'First name'], [['First name', 'firstName']], ...names)).toEqual([
      null,
      'firstName',
    ]);
  });
});
