/**
 * csv-head.test.ts – What the beginning of a file says of its columns, and how they are sent.
 */
import { describe, expect, it } from 'vitest';
import {
  beginningOf,
  columnFault,
  columnParameters,
  IDS,
  LEFT_OUT,
  likelyCellEnd,
  likelyColumns,
  readHead,
} from '../../../src/console/pages/imports/csv-head.ts';
import type { TypeShown } from '../../../src/console/server/answers.ts';

const CONTACTS: TypeShown = {
  name: 'contacts',
  attributes: {
    name: { type: 'string', label: 'Full name' },
    email: { type: 'string' },
    lastSeenAt: { type: 'datetime' },
  },
  relationships: { firm: { to: 'firms', key: 'firm_id', inverse: 'people' } },
};

describe('the head of a table', () => {
  it('is read with quotes, doubled quotes, and line ends of either kind', () => {
    const text = 'id,"a ""b"", c"\r\n1,"x\r\ny"\r\n\r\n2,\n';
    expect(readHead(text, ',')).toEqual({
      titles: ['id', 'a "b", c'],
      rows: [
        ['1', 'x\r\ny'],
        ['2', ''],
      ],
    });
    expect(readHead('', ',')).toEqual({ titles: [], rows: [] });
    expect(readHead('id', ',').titles).toEqual(['id']);
  });

  it('shows a few rows of many', () => {
    const text = `id\n${Array.from({ length: 50 }, (_, at) => at).join('\n')}`;
    expect(readHead(text, ',').rows).toEqual([['0'], ['1'], ['2'], ['3']]);
  });

  it.each([
    ['id,name', ','],
    ['id;name;"a,b,c,d"', ';'],
    ['id\tname', '\t'],
    ['id|name', '|'],
    ['id', ','],
  ])('has in %j the end of cells %j', (text, end) => {
    expect(likelyCellEnd(text)).toBe(end);
  });

  it('is read in its charset, however long the file is', async () => {
    const bytes = new Uint8Array(300_000).fill(0xe4);
    const text = await beginningOf(new Blob([bytes]), 'windows-1252');
    expect(text.slice(0, 3)).toBe('äää');
    expect(text.length).toBe(128 * 1024);
  });
});

describe('columns', () => {
  it('are what they are called, in other letters and by label too', () => {
    const titles = ['ID', 'Full name', 'E-Mail', 'Last seen at', 'firm_id', 'Remarks', ''];
    const columns = likelyColumns(titles, CONTACTS);
    expect(columns).toEqual([IDS, 'name', 'email', 'lastSeenAt', 'firm_id', 'Remarks', LEFT_OUT]);
    expect(columnFault(titles, columns)).toBeUndefined();
    expect(columnParameters(titles, columns)).toEqual([
      ['id', 'ID'],
      ['map', 'Full name:name'],
      ['map', 'E-Mail:email'],
      ['map', 'Last seen at:lastSeenAt'],
      ['map', 'firm_id:firm_id'],
      ['map', 'Remarks:Remarks'],
    ]);
  });

  it('are not one attribute twice', () => {
    expect(likelyColumns(['id', 'name', 'Name'], CONTACTS)).toEqual([IDS, 'name', LEFT_OUT]);
  });

  it.each([
    [['id', 'name'], ['name', 'email'], 'Say which column holds the ids.'],
    [['id', 'no'], [IDS, IDS], 'Only one column holds the ids.'],
    [['id', 'a', 'b'], [IDS, 'name', 'name'], 'Two columns are “name”'],
    [['id', 'a', 'a'], [IDS, 'name', LEFT_OUT], 'The title “a” is there twice'],
  ])('%j as %j can not be sent', (titles, columns, fault) => {
    expect(columnFault(titles, columns)).toContain(fault);
  });

  it('that are left out are said to be', () => {
    expect(columnParameters(['id', 'Notes'], [IDS, LEFT_OUT])).toContainEqual(['map', 'Notes:']);
  });
});
