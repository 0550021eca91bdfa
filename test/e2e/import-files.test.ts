/**
 * import-files.test.ts – Files as people have them: what of them is read, skipped, refused and told
 * of, and what the records, counts and members are afterwards.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type JobAnswer, openTestApi, type TestApi } from '../support/api.ts';
import { built } from '../support/deployment.ts';

const CSV = 'text/csv';
const NDJSON = 'application/x-ndjson';

let api: TestApi;
/** A type of its own for each test. */
let type = 'people';
let types = 0;

const attributes = {
  name: { type: 'string' },
  email: { type: 'string' },
  age: { type: 'number' },
  vip: { type: 'boolean' },
  born_on: { type: 'date' },
  last_seen_at: { type: 'datetime' },
  scores: { type: 'list', of: 'number' },
};
const relationships = {
  boss: { to: '', key: 'boss_id', cardinality: 'one', inverse: 'reports' },
  friends: { to: '', key: 'friend_ids', cardinality: 'many', inverse: 'friend_of' },
};

async function declare(more: Record<string, unknown> = {}): Promise<void> {
  type = `people_${++types}`;
  const related = Object.fromEntries(
    Object.entries(relationships).map(([name, each]) => [name, { ...each, to: type }]),
  );
  const body = { attributes: { ...attributes, ...more }, relationships: related };
  expect((await api.call('PUT', `/v1/object-types/${type}`, body)).statusCode).toBe(201);
}

beforeAll(async () => {
  api = await openTestApi();
});
afterAll(() => api.close());
beforeEach(() => declare());

const post = (body: string | Buffer, media: string, query = '') =>
  api.call('POST', `/v1/imports/${type}${query}`, body, { type: media });

async function imported(body: string | Buffer, media = CSV, query = ''): Promise<JobAnswer> {
  const job = await api.ended(await post(body, media, query));
  expect(job.status).toBe('completed');
  return job;
}

/** Every record of the type, by its id. */
async function records(): Promise<Record<string, Record<string, unknown>>> {
  const { data } = (await api.call('GET', `/v1/records/${type}?limit=1000`)).json();
  return Object.fromEntries(
    data.map((record: { id: string; data: unknown }) => [record.id, record.data]),
  );
}

const lines = (...all: unknown[]) => all.map((each) => JSON.stringify(each)).join('\n');

describe('a line of NDJSON that was not meant for an import', () => {
  it.each<[string, unknown]>([
    ['a deletion', { op: 'delete', object_type: 'T', id: 'a' }],
    ['a put', { op: 'put', object_type: 'T', id: 'a', data: { age: 2 } }],
    ['a patch without a type', { op: 'patch', id: 'a', data: { age: 2 } }],
    ['an operation alone', { op: 'archive', id: 'a' }],
    ['an operation that there is none of', { op: 'upsert', id: 'a', age: 2 }],
    ['an operation of null', { op: null, id: 'a', age: 2 }],
    ['data beside attributes', { id: 'a', data: { age: 2 }, age: 3 }],
    ['data beside a misspelt member', { id: 'a', data: { age: 2 }, sourceVersion: 3 }],
    ['data of null', { id: 'a', data: null }],
    ['a record of another type', { object_type: 'others', id: 'a', data: { age: 2 } }],
    ['a flat record of another type', { object_type: 'others', id: 'a', age: 2 }],
    ['a type that is no name', { object_type: 7, id: 'a', age: 2 }],
    ['an id of its own within data', { id: 'a', data: { id: 'b', age: 2 } }],
    ['an item of a seed', { object_type: 'T', data: { id: 'a', age: 2 } }],
  ])('is refused and changes nothing: %s', async (_, line) => {
    await imported(lines({ id: 'a', name: 'Ann', age: 1 }), NDJSON);
    const sent = JSON.stringify(line).replace('"T"', JSON.stringify(type));
    const job = await imported(`${sent}\n${lines({ id: 'b', age: 1 })}`, NDJSON);
    expect(job).toMatchObject({ result: { accepted: 1, rejected: 1 }, errors: [{ line: 1 }] });
    expect(await records()).toEqual({ a: { name: 'Ann', age: 1 }, b: { age: 1 } });
  });

  it('is a record if its type has such attributes, and nothing else says that it is a change', async () => {
    await declare({
      op: { type: 'string' },
      object_type: { type: 'string' },
      data: { type: 'object' },
    });
    const taken = lines(
      { id: 'a', op: 'delete' },
      { id: 'b', op: 'mine', object_type: 'any' },
      { id: 'c', data: { op: 'put', data: { x: 1 } } },
      { id: 'd', op: 'delete', age: 1 },
    );
    expect(await imported(taken, NDJSON)).toMatchObject({ result: { accepted: 4, rejected: 0 } });
    const refused = lines(
      { id: 'a', op: 'delete', object_type: type },
      { id: 'b', op: 'put', data: { age: 1 } },
      { id: 'c', data: { x: 1 }, age: 1 },
    );
    expect(await imported(refused, NDJSON)).toMatchObject({ result: { accepted: 0, rejected: 3 } });
    expect(await records()).toEqual({
      a: { op: 'delete' },
      b: { op: 'mine', object_type: 'any' },
      c: { op: 'put', data: { x: 1 } },
      d: { op: 'delete', age: 1 },
    });
  });

  it('is taken as it is read from the API, its own type named', async () => {
    const { body } = await api.call('PUT', `/v1/records/${type}/a`, { age: 1, op: 'x' });
    await api.call('DELETE', `/v1/records/${type}/a`);
    const job = await imported(`${body}\n${lines({ object_type: type, id: 'b', age: 2 })}`, NDJSON);
    expect(job).toMatchObject({ result: { accepted: 2, rejected: 0 } });
    expect(await records()).toEqual({ a: { age: 1, op: 'x' }, b: { age: 2 } });
  });

  it('may hold its id under another name, and attributes under others', async () => {
    const sent = lines(
      { key: 'a', Years: 1, junk: 1 },
      { key: 'b', data: { Years: 2, junk: 2 } },
      { key: 'c', Years: 1, age: 2 },
    );
    const job = await imported(sent, NDJSON, '?id=key&map=Years:age&map=junk:');
    expect(job).toMatchObject({
      result: { accepted: 2, rejected: 1 },
      errors: [{ line: 3, code: 'line_malformed' }],
    });
    expect(await records()).toEqual({ a: { age: 1 }, b: { age: 2 } });
  });
});

describe('a number of NDJSON that would be altered', () => {
  it.each([
    ['{"key":"a","Years":9007199254740993}', '/data/age'],
    ['{"key":"a","data":{"Years":{"x":9007199254740993}}}', '/data/age/x'],
    ['{"key":"a","Size":[1,9007199254740993]}', '/data/Size/1'],
    ['{"key":9007199254740993,"Years":1}', '/key'],
  ])('is named by the attribute that it is for: %s', async (line, path) => {
    const job = await imported(line, NDJSON, '?id=key&map=Years:age');
    expect(job).toMatchObject({
      result: { accepted: 0 },
      errors: [{ line: 1, code: 'number_inexact', path }],
    });
    expect(await records()).toEqual({});
  });

  it('is nothing to refuse where it is left out, and hides none that is kept', async () => {
    const junk = `"junk":[${Array(25).fill('9007199254740993').join(',')}]`;
    const sent = [
      `{"id":"a","age":1,${junk}}`,
      `{"id":"b","data":{${junk},"age":2}}`,
      `{"id":"c",${junk},"age":1e400}`,
    ];
    const job = await imported(sent.join('\n'), NDJSON, '?map=junk:');
    expect(job).toMatchObject({
      result: { accepted: 2, rejected: 1 },
      errors: [{ line: 3, path: '/data/age' }],
    });
    expect(await records()).toEqual({ a: { age: 1 }, b: { age: 2 } });
  });
});

describe('the parameters of an import', () => {
  it.each([
    ['csv', 'delimiter='],
    ['csv', 'delimiter=ab'],
    ['csv', 'delimiter=%22'],
    ['csv', 'delimiter=%0A'],
    ['csv', 'delimiter=x'],
    ['csv', 'delimiter=%F0%9F%98%80'],
    ['csv', 'decimal=x'],
    ['csv', 'decimal='],
    ['csv', 'dates=tomorrow'],
    ['csv', 'dates=yyyy.dd.mm'],
    ['csv', 'dates=dd.mm.yy'],
    ['csv', 'true='],
    ['csv', 'true=yes,,1'],
    ['csv', 'true=yes&false=YES'],
    ['csv', 'true=false'],
    ['csv', 'false=true'],
    ['csv', 'short_rows=keep'],
    ['csv', 'short_rows=pad&op=patch'],
    ['csv', 'op=delete'],
    ['csv', 'op=put&op=patch'],
    ['csv', 'id='],
    ['ndjson', 'id='],
    ['csv', 'map=id'],
    ['csv', 'map=:age'],
    ['csv', 'map=age:name&map=age:email'],
    ['csv', 'map=age:email&map=name:email'],
    ['csv', 'map=id:name'],
    ['csv', 'map=name:id'],
    ['csv', 'map=name:__proto__'],
    ['csv', 'map=nobody:age'],
    ['csv', 'limit=3'],
    ['csv', 'Delimiter=;'],
    ['ndjson', 'delimiter=,'],
    ['ndjson', 'decimal=,'],
    ['ndjson', 'dates=dd.mm.yyyy'],
    ['ndjson', 'true=yes'],
    ['ndjson', 'false=no'],
    ['ndjson', 'short_rows=refuse'],
    ['ndjson', 'map=a:name&map=a:email'],
    ['ndjson', 'map=id:name'],
  ])(
    'are refused if they can not be meant, and nothing is imported: %s ?%s',
    async (format, query) => {
      const body = format === 'csv' ? 'id,name,age\na,Ann,1' : lines({ id: 'a', name: 'Ann' });
      const answer = await post(body, format === 'csv' ? CSV : NDJSON, `?${query}`);
      expect(answer.json()).toMatchObject({ status: 400, code: 'parameter_invalid' });
      const { errors } = answer.json();
      expect(errors).not.toHaveLength(0);
      expect(query).toContain(errors[0].path.slice(1));
      expect(await records()).toEqual({});
    },
  );
});

describe('a row of CSV with too few cells', () => {
  it('removes nothing in a patch: it is refused', async () => {
    await imported('id,name,age\na,Ann,1\nb,Bob,2');
    const job = await imported('id,name,age\na,Anna\nb\nb,Bobby,', CSV, '?op=patch');
    expect(job).toMatchObject({
      result: { accepted: 1, rejected: 2 },
      errors: [{ line: 2 }, { line: 3 }],
    });
    expect(await records()).toEqual({ a: { name: 'Ann', age: 1 }, b: { name: 'Bobby' } });
  });

  it('is refused in a put, unless it is to be filled up', async () => {
    const body = 'id,name,age\na,Ann\nb,Bob,2';
    expect(await imported(body)).toMatchObject({ result: { accepted: 1, rejected: 1 } });
    expect(await records()).toEqual({ b: { name: 'Bob', age: 2 } });
    expect(await imported(body, CSV, '?short_rows=pad')).toMatchObject({
      result: { accepted: 2, rejected: 0 },
    });
    expect(await records()).toEqual({ a: { name: 'Ann' }, b: { name: 'Bob', age: 2 } });
  });

  it('is whole if only columns without a title are missing', async () => {
    const job = await imported('id,name,,\na,Ann\nb,Bob,,\nc,Cem,,,,', CSV, '?op=put');
    expect(job).toMatchObject({ result: { accepted: 3, rejected: 0 } });
  });
});

describe('lines of CSV', () => {
  it.each([
    ['a lone CR', 'id,name\ra,Ann\rb,Bob\r'],
    ['a lone CR, the last line without', 'id,name\ra,Ann\rb,Bob'],
    ['ends of all kinds', 'id,name\ra,Ann\r\nb,Bob\n'],
    ['a byte order mark before them', '\ufeff"id",name\ra,Ann\rb,Bob\r'],
  ])('may end with %s', async (_, body) => {
    expect(await imported(body)).toMatchObject({
      progress: { done: 2, total: 2 },
      result: { accepted: 2 },
    });
    expect(await records()).toEqual({ a: { name: 'Ann' }, b: { name: 'Bob' } });
  });

  it('keep the ends that stand within quotes', async () => {
    await imported('id,name\ra,"x\ry\r\nz\n"\rb,Bob');
    expect(await records()).toEqual({ a: { name: 'x\ry\r\nz\n' }, b: { name: 'Bob' } });
  });

  it('that hold nothing but delimiters are skipped and counted', async () => {
    const job = await imported('id,name,age\n,,\na,Ann,1\n , ,\n"","",""\n\n,,,,\n');
    expect(job).toMatchObject({
      progress: { done: 1, total: 1 },
      result: { accepted: 1, rejected: 0, skipped: 4 },
    });
    expect(await records()).toEqual({ a: { name: 'Ann', age: 1 } });
  });
});

describe('ids in CSV', () => {
  it('are trimmed, and so are keys that hold them, so that they meet', async () => {
    await imported(
      'id,name,boss_id,friend_ids\n boss ,Bea,,\na\u00a0,Ann, boss ,"boss , b"\nb,Bob,   ,',
    );
    expect(await records()).toEqual({
      boss: { name: 'Bea' },
      a: { name: 'Ann', boss_id: 'boss', friend_ids: ['boss', 'b'] },
      b: { name: 'Bob' },
    });
    const query = {
      combinator: 'and',
      rules: [{ field: 'boss.name', operator: '=', value: 'Bea' }],
    };
    await api.call('POST', '/v1/segments', {
      title: 'x',
      slug: `under-${type}`,
      object_type: type,
      query,
    });
    await built(api.deployment);
    const counts = await api.call('POST', '/v1/segments/counts', { slugs: [`under-${type}`] });
    expect(counts.json().counts).toMatchObject([{ count: 1 }]);
  });

  it('that are blank are refused', async () => {
    const job = await imported('id,name\n,Ann\n  ,Bob\n"",Cem');
    expect(job).toMatchObject({ result: { accepted: 0, rejected: 3 } });
    expect(job.errors.map(({ code }) => code)).toEqual(Array(3).fill('record_id_invalid'));
    expect(await records()).toEqual({});
  });
});

describe('a header of CSV', () => {
  it.each([
    ['name,x,name', '?id=x'],
    ['name,x,name', '?id=name'],
    ['id,name,id', ''],
    ['id, name ,name', ''],
    ['id,name, id ', ''],
    ['id,name,ID', ''],
    ['id,Name,name', ''],
    ['id,Last seen at,last_seen_at', ''],
    ['id,x,name', '?map=x:name'],
    ['id,x,Name', '?map=x:name'],
    ['x,x,id', '?map=x:'],
    ['id,foo,foo', ''],
  ])('that names one thing twice is refused: %s %s', async (header, query) => {
    const answer = await post(`${header}\n1,2,3`, CSV, query);
    expect([answer.statusCode, answer.json().code]).toEqual([422, 'body_invalid']);
    expect(await records()).toEqual({});
  });

  it('may name the ids in other letters, and attributes as people write them', async () => {
    const job = await imported('ID,NAME,Last seen at,LastSeenAt2\na,Ann,2026-01-01T00:00:00Z,x');
    expect(job).toMatchObject({ result: { accepted: 1, unknown_columns: ['LastSeenAt2'] } });
    expect(await records()).toEqual({
      a: { name: 'Ann', last_seen_at: '2026-01-01T00:00:00.000Z', LastSeenAt2: 'x' },
    });
  });

  it('with a column without a title has nothing under it', async () => {
    const job = await imported('id,,name\na,x,Ann\nb,,Bob\nc, ,Cem');
    expect(job).toMatchObject({
      result: { accepted: 2, rejected: 1 },
      errors: [{ line: 2, code: 'line_malformed' }],
    });
    expect(await records()).toEqual({ b: { name: 'Bob' }, c: { name: 'Cem' } });
  });

  it('with columns that match no attribute is told of in the job, from the beginning', async () => {
    const answer = await post('id,nmae,Shoe size,age,left\na,Ann,44,1,x', CSV, '?map=left:');
    expect(answer.json()).toMatchObject({ result: { unknown_columns: ['nmae', 'Shoe size'] } });
    const job = await api.ended(answer);
    expect(job).toMatchObject({
      result: { accepted: 1, unknown_columns: ['nmae', 'Shoe size'], skipped: 0 },
    });
    expect(await records()).toEqual({ a: { nmae: 'Ann', 'Shoe size': '44', age: 1 } });
  });
});

describe('the encoding of a file', () => {
  const text = 'id,name\na,Zoë €5 “x”\nb,Þór';
  const utf16 = Buffer.from(text, 'utf16le');
  const windows = Buffer.from(
    Array.from(text, (each) => ({ '€': 0x80, '“': 0x93, '”': 0x94 })[each] ?? each.charCodeAt(0)),
  );
  it.each<[string, Buffer]>([
    ['utf-8', Buffer.from(text)],
    ['"UTF8"', Buffer.from(text)],
    ['latin1', windows],
    ['ISO-8859-1', windows],
    ['windows-1252', windows],
    ['utf-16', utf16],
    ['utf-16', Buffer.concat([Buffer.from([0xff, 0xfe]), utf16])],
    ['utf-16', Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(utf16).swap16()])],
    ['utf-16le', utf16],
    ['utf-16be', Buffer.from(utf16).swap16()],
  ])('is what its charset says: %s', async (charset, body) => {
    expect(await imported(body, `${CSV}; charset=${charset}`)).toMatchObject({
      result: { accepted: 2, rejected: 0 },
    });
    expect(await records()).toEqual({ a: { name: 'Zoë €5 “x”' }, b: { name: 'Þór' } });
  });

  it('that is not known is refused', async () => {
    for (const charset of ['shift_jis', 'utf-7', '""', 'x']) {
      const answer = await post(text, `${CSV}; header=present; charset=${charset}`);
      expect([answer.statusCode, answer.json().code]).toEqual([415, 'content_type_unsupported']);
    }
    for (const url of ['/v1/changes', '/v1/seeds']) {
      const answer = await api.call('POST', url, '{}', { type: `${NDJSON}; charset=utf-16` });
      expect(answer.statusCode).toBe(415);
    }
    expect(await records()).toEqual({});
  });

  it('that is not what it says costs no letter: lines that are no UTF-8 are refused, UTF-16 as a whole', async () => {
    const job = await imported(
      Buffer.concat([
        Buffer.from('id,name\na,Ann\nb,'),
        Buffer.from([0xe9, 0x0a]),
        Buffer.from('c,Cem'),
      ]),
    );
    expect(job).toMatchObject({
      result: { accepted: 2, rejected: 1 },
      errors: [{ line: 3, code: 'line_malformed' }],
    });
    const odd = await post(utf16.subarray(0, -1), `${CSV}; charset=utf-16`);
    expect([odd.statusCode, odd.json().code]).toEqual([400, 'body_malformed']);
    expect(Object.keys(await records()).sort()).toEqual(['a', 'c']);
  });
});

describe('cells of CSV', () => {
  it('hold numbers as databases and spreadsheets write them', async () => {
    const written = ['.097', '+5', '5.', '-.5', ' 42 ', '007', '1e3', '+1.5E-2', '-0'];
    const body = ['id,age', ...written.map((each, at) => `${at},${each}`)].join('\n');
    await imported(body);
    const all = await records();
    expect(written.map((_, at) => all[at]!['age'])).toEqual([
      0.097, 5, 5, -0.5, 42, 7, 1000, 0.015, 0,
    ]);
  });

  it.each([
    '.',
    '+',
    '+-5',
    '5.5.5',
    '0x10',
    '1_000',
    '1,000',
    '1 000',
    'Infinity',
    '٣',
    '1e',
    'e5',
  ])('are refused if they are no number: %s', async (text) => {
    expect(await imported(`id,age\na,"${text}"`)).toMatchObject({
      result: { accepted: 0, rejected: 1 },
    });
    expect(await records()).toEqual({});
  });

  it('of a local file are read as it is said to write them', async () => {
    const body = [
      'id;age;vip;born_on;last_seen_at;scores',
      'a;1,5;Ja;31.12.1990;1.2.2026 14:05;7',
      'b;-1.234,25;nein;2000-02-29;"31.12.2026, 23:59:59";[1.5,2]',
      'c;1.234.567;true;;2026-01-01T00:00:00+01:00;',
    ].join('\n');
    const query = '?delimiter=%3B&decimal=,&dates=dd.mm.yyyy&true=ja,1&false=nein,0';
    expect(await imported(body, CSV, query)).toMatchObject({
      result: { accepted: 3, rejected: 0 },
    });
    const all = await records();
    expect([all['a']!['age'], all['b']!['age'], all['c']!['age']]).toEqual([
      1.5, -1234.25, 1_234_567,
    ]);
    expect([all['a']!['vip'], all['b']!['vip'], all['c']!['vip']]).toEqual([true, false, true]);
    expect(
      [all['a']!['born_on'], all['b']!['born_on']].map((day) => String(day).slice(0, 10)),
    ).toEqual(['1990-12-31', '2000-02-29']);
    expect([all['a']!, all['b']!, all['c']!].map(({ last_seen_at: at }) => at)).toEqual([
      '2026-02-01T14:05:00.000Z',
      '2026-12-31T23:59:59.000Z',
      '2025-12-31T23:00:00.000Z',
    ]);
    expect([all['a']!['scores'], all['b']!['scores']]).toEqual([[7], [1.5, 2]]);
  });

  it('of a local file that are in doubt are refused, with a valid one in the message', async () => {
    const query = '?delimiter=%3B&decimal=,&dates=dd.mm.yyyy&true=ja&false=nein';
    const body = [
      'id;age;vip;born_on;scores',
      'a;1.5;;;',
      'b;1.234;;;',
      'c;;yes;;',
      'd;;;12/31/1990;',
      'e;;;31.02.1990;',
      'f;;;1.13.1990;',
      'g;;;;1,5',
    ].join('\n');
    const job = await imported(body, CSV, query);
    expect(job).toMatchObject({ result: { accepted: 0, rejected: 7 } });
    const details = (await api.call('GET', `/v1/jobs/${job.id}/errors`)).body;
    for (const valid of ['1,5', 'ja or nein', '31.12.2026', '[1.5,2]'])
      expect(details).toContain(valid);
    expect(await records()).toEqual({});
  });

  it.each([
    ['mm/dd/yyyy', '12/31/1990', '12/31/2026 2:30 PM'],
    ['dd/mm/yyyy', '31/12/1990', '31/12/2026 14:30'],
    ['yyyy/mm/dd', '1990/12/31', '2026/12/31 14:30:00'],
    ['dd-mm-yyyy', '31-12-1990', '31-12-2026T14:30'],
    ['DD.MM.YYYY HH:mm', '31.12.1990', '31.12.2026 14:30:00.000'],
  ])('hold dates written %s', async (pattern, day, time) => {
    await imported(
      `id,born_on,last_seen_at\na,${day},${time}`,
      CSV,
      `?dates=${encodeURIComponent(pattern)}`,
    );
    const { a } = await records();
    expect(String(a!['born_on']).slice(0, 10)).toBe('1990-12-31');
    expect(a!['last_seen_at']).toBe('2026-12-31T14:30:00.000Z');
  });
});
