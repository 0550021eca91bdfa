/**
 * seeds-cli.test.ts – `rollcall seeds` as a person runs it: from one server to an empty one, again,
 * and with a fault.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dataFolder, runCli, type Served, serve } from '../support/cli.ts';

const folders = [dataFolder(), dataFolder()];
const files = dataFolder();
const served: Served[] = [];
/** More than a request may hold: a file of them is taken over as a job. */
const ROWS = 12_000;

beforeAll(async () => {
  mkdirSync(files.path);
  for (const { path } of folders) served.push(await serve({ ROLLCALL_DATA: path }));
}, 60_000);
afterAll(async () => {
  for (const each of served) await each.stop();
  for (const { remove } of [...folders, files]) remove();
});

/** Runs a command against one of the servers. */
function seeds(at: number, ...args: string[]) {
  return runCli(['seeds', ...args, '--url', served[at]!.url], { ROLLCALL_DATA: folders[at]!.path });
}

const file = (name: string) => join(files.path, name);
const item = (kind: string, data: object) => ({ object_type: kind, data });
const SEED = [
  item('object_types', { name: 'rows', attributes: { n: { type: 'number' } } }),
  item('segments', {
    title: 'Odd',
    slug: 'high',
    object_type: 'rows',
    query: { combinator: 'and', rules: [{ field: 'n', operator: '>=', value: ROWS / 2 }] },
  }),
];

describe('rollcall seeds', () => {
  it('tells what it would do, and does it', async () => {
    writeFileSync(file('seed.json'), JSON.stringify(SEED, null, 2));
    const dry = await seeds(0, 'import', file('seed.json'), '--dry-run');
    expect(dry).toMatchObject({ code: 0 });
    expect(dry.stdout).toBe(
      '+ object_types rows\n+ segments high\nWould create 2, update 0 and leave 0 as they are.\n',
    );
    expect((await seeds(0, 'import', file('seed.json'))).stdout).toContain(
      '2 created, 0 updated, 0 unchanged.',
    );
    const changed = [SEED[0]!, { ...SEED[1]!, data: { ...SEED[1]!.data, title: 'High' } }];
    writeFileSync(file('seed.json'), JSON.stringify(changed));
    const update = await seeds(0, 'import', file('seed.json'));
    expect(update.stdout).toBe('~ segments high (title)\n0 created, 1 updated, 1 unchanged.\n');
  });

  it('refuses a file with a number that would be altered, and says where it is', async () => {
    const altered =
      '[{"object_type":"rows","data":{"id":"a","n":1}},{"object_type":"rows","data":{"id":"b","n":9007199254740993}}]';
    writeFileSync(file('altered.json'), altered);
    const refused = await seeds(0, 'import', file('altered.json'));
    expect(refused.code).toBe(1);
    expect(`${refused.stdout}${refused.stderr}`).toContain(
      'item 1 /data/n: 9007199254740993 has more digits than a number keeps',
    );
    const answer = await served[0]!.call('GET', '/v1/records/rows/b');
    expect(answer.status).toBe(404);
  });

  it('takes a large file over as a job, from one server to another, twice', {
    timeout: 120_000,
  }, async () => {
    const rows = Array.from({ length: ROWS }, (_, n) =>
      item('rows', { id: `r${n}`, n, note: 'x'.repeat(40) }),
    );
    writeFileSync(file('rows.json'), JSON.stringify(rows));
    const first = await seeds(0, 'import', file('rows.json'));
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toContain('12,000 created, 0 updated, 0 unchanged.');

    const exported = await seeds(
      0,
      'export',
      file('all.ndjson'),
      '--include',
      'object_types,segments,views,records:rows',
    );
    expect(exported).toMatchObject({ code: 0, stdout: '' });
    expect(exported.stderr).toBe(
      `1 object_types, 1 segments, 12,000 rows written to ${file('all.ndjson')}.\n`,
    );
    expect((await seeds(1, 'import', file('all.ndjson'))).stdout).toContain(
      '12,002 created, 0 updated, 0 unchanged.',
    );
    expect((await seeds(1, 'import', file('all.ndjson'))).stdout).toBe(
      '0 created, 0 updated, 12,002 unchanged.\n',
    );
    await seeds(
      1,
      'export',
      file('again.ndjson'),
      '--include',
      'object_types,segments,views,records:rows',
    );
    expect(readFileSync(file('again.ndjson'), 'utf8')).toBe(
      readFileSync(file('all.ndjson'), 'utf8'),
    );
    for (const { call } of served) {
      const { counts } = (await (
        await call('POST', '/v1/segments/counts', { slugs: ['high'] })
      ).json()) as {
        counts: unknown[];
      };
      expect(counts).toMatchObject([{ slug: 'high', count: ROWS / 2, status: 'ready' }]);
    }
  });

  it('names what is wrong with a file, large or small, and changes nothing', {
    timeout: 120_000,
  }, async () => {
    const small = [...SEED, item('rows', { id: 'x', n: 'y' })];
    const large = [
      ...Array.from({ length: ROWS }, (_, n) =>
        item('rows', { id: `r${n}`, n: -1, note: 'x'.repeat(40) }),
      ),
      small[2],
    ];
    for (const [items, at] of [
      [small, 2],
      [large, ROWS],
    ] as const) {
      writeFileSync(file('bad.json'), JSON.stringify(items));
      const { code, stdout } = await seeds(1, 'import', file('bad.json'));
      expect(code).toBe(1);
      expect(stdout).toBe(
        `${file('bad.json')} can not be taken over; nothing was changed:\nitem ` +
          `${at} /data/n: 'n' must be a number, such as 42\n`,
      );
    }
    const record = (await (await served[1]!.call('GET', '/v1/records/rows/r7')).json()) as {
      version: number;
    };
    expect(record.version).toBe(1);
  });

  it('says in a line what can not be done', async () => {
    for (const [args, words] of [
      [['import', file('nobody.json')], 'nobody.json can not be read'],
      [['export', join(files.path, 'no', 'such', 'folder.json')], 'folder.json can not be written'],
      [['export', '-', '--include', 'nothing'], "not 'nothing'"],
      [['export', '-', '--key', 'nobody-nobody-nobody'], '401'],
    ] as const) {
      const { code, stderr } = await seeds(0, ...args);
      expect(code).toBe(1);
      expect(stderr).toContain(words);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    }
  });
});
