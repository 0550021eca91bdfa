/**
 * seed-round-trip.test.ts – A deployment of random records, exported as a seed and imported into an
 * empty one, is the same: its records, its counts and members, and the seed that it gives in turn,
 * byte for byte.
 *
 * Replay with ROLLCALL_SEED=<seed>.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  escapeExpressions,
  resolveExpressions,
  unescapeExpressions,
} from '../../src/catalog/seed-expressions.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built } from '../support/deployment.ts';

const SEED = process.env.ROLLCALL_SEED;
const seeded = SEED === undefined ? {} : { seed: Number(SEED) };

/** Text that could be taken for an expression, marked ones too. */
const braced = fc
  .array(
    fc.constantFrom(
      '\\',
      '{{',
      '{{ ',
      'getRecordAttribute',
      '(companies, name, "Acme")',
      '}}',
      ' }}',
      '"',
      "'",
      'x',
      '$1',
      '',
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''));
const expression = fc.constantFrom(
  '{{getRecordAttribute(companies, name, "Acme")}}',
  'a \\{{getRecordAttribute(companies, name, "Acme")}} b',
  '\\\\{{ getRecordAttribute(',
  '{{getRecordAttribute(a, b, "{{getRecordAttribute(a, b, c)}}")}}',
);
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  braced,
  expression,
  fc.constant(''),
);
const name = fc.oneof(
  fc.stringMatching(/^[a-z]{1,3}$/),
  fc.constantFrom('object_type', 'data', 'op', 'slug', 'query', 'constructor', '7', '', '{{x}}'),
);
/** JSON of any form, with names that a careless copy loses. */
const { nested } = fc.letrec<{ nested: unknown }>((tie) => ({
  nested: fc.oneof(
    { maxDepth: 3 },
    text,
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value)),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('nested'), { maxLength: 3 }),
    fc
      .array(fc.tuple(fc.oneof(name, fc.constant('__proto__')), tie('nested')), { maxLength: 3 })
      .map((entries) =>
        JSON.parse(
          `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`,
        ),
      ),
  ),
}));

const id = fc.oneof(
  fc.stringMatching(/^[a-z0-9]{1,3}$/),
  expression,
  fc.constantFrom(' ', 'a/b', 'id'),
);
const declared = fc.record(
  {
    name: text,
    age: fc
      .double({ noNaN: true, noDefaultInfinity: true })
      .map((value) => (value === 0 ? 0 : value)),
    vip: fc.boolean(),
    born_on: fc
      .date({ min: new Date(0), max: new Date('2100'), noInvalidDate: true })
      .map((day) => day.toISOString().slice(0, 10)),
    last_seen_at: fc
      .date({ min: new Date(0), max: new Date('2100'), noInvalidDate: true })
      .map((time) => time.toISOString()),
    tags: fc.array(text, { maxLength: 3 }),
    address: fc.dictionary(name, nested, { maxKeys: 3 }),
    company_id: id,
    holdsOwnId: fc.boolean(),
  },
  { requiredKeys: [] },
);
const record = fc.tuple(
  id,
  declared,
  fc.dictionary(fc.stringMatching(/^x[a-z]?$/), nested, { maxKeys: 2 }),
);

const TYPES = {
  companies: { attributes: { name: { type: 'string' } } },
  contacts: {
    attributes: {
      name: { type: 'string' },
      age: { type: 'number' },
      vip: { type: 'boolean' },
      born_on: { type: 'date' },
      last_seen_at: { type: 'datetime' },
      tags: { type: 'list', of: 'string' },
      address: { type: 'object' },
    },
    relationships: {
      company: { to: 'companies', key: 'company_id', cardinality: 'one', inverse: 'contacts' },
    },
  },
};
const group = (...rules: unknown[]) => ({ combinator: 'and', rules });
const SEGMENTS = [
  ['adults', group({ field: 'age', operator: '>=', value: 18 })],
  ['empty-name', group({ field: 'name', operator: '=', value: '' })],
  ['acme', group({ field: 'company.name', operator: 'notNull' })],
  [
    'braced',
    group({
      field: 'name',
      operator: 'contains',
      value: '{{getRecordAttribute(companies, name, "Acme")}}',
    }),
  ],
] as const;
const INCLUDE = 'object_types,segments,views,records:companies,records:contacts';

async function fill(
  api: TestApi,
  records: ReadonlyMap<string, Record<string, unknown>>,
): Promise<void> {
  for (const [type, body] of Object.entries(TYPES))
    await api.call('PUT', `/v1/object-types/${type}`, body);
  for (const [slug, query] of SEGMENTS) {
    const made = await api.call('POST', '/v1/segments', {
      title: slug,
      slug,
      object_type: 'contacts',
      query,
    });
    expect(made.statusCode).toBe(201);
  }
  const changes = [...records].flatMap(([key, data], at) => [
    { op: 'put', object_type: 'contacts', id: key, data },
    ...(at % 3 === 0
      ? [{ op: 'put', object_type: 'companies', id: key, data: { name: 'Acme', id: key } }]
      : []),
    ...(at % 7 === 6 ? [{ op: 'archive', object_type: 'contacts', id: key }] : []),
  ]);
  const sent = await api.call('POST', '/v1/changes', changes);
  expect(sent.json()).toMatchObject({ accepted: changes.length, rejected: [] });
}

/** All that a user sees. */
async function seen(api: TestApi): Promise<unknown> {
  await built(api.deployment);
  const lists = ['companies', 'contacts'].map((type) =>
    api.call('GET', `/v1/records/${type}?limit=1000`),
  );
  const records = (await Promise.all(lists)).map((list) =>
    list.json().data.map(({ object_type, id: key, data }: Record<string, unknown>) => ({
      object_type,
      id: key,
      data,
    })),
  );
  const slugs = SEGMENTS.map(([slug]) => slug);
  const { counts } = (await api.call('POST', '/v1/segments/counts', { slugs })).json();
  const members = await Promise.all(
    slugs.map((slug) => api.call('GET', `/v1/segments/${slug}/members?limit=1000`)),
  );
  const totals = counts.map(({ slug, count }: { slug: string; count: number }) => [slug, count]);
  return { records, counts: totals, members: members.map((each) => each.json().data) };
}

describe('an export as lines', () => {
  it('of all records makes the same records of an empty deployment', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 20, maxLength: 40 }), async (some) => {
        const records = new Map(
          some.map(([key, { holdsOwnId, ...data }, more]) => [
            key,
            { ...data, ...more, ...(holdsOwnId ? { id: key } : {}) },
          ]),
        );
        const [from, to] = [await openTestApi(), await openTestApi()];
        try {
          await fill(from, records);
          await fill(to, new Map());
          for (const type of ['companies', 'contacts']) {
            const job = await from.ended(await from.call('POST', `/v1/exports/${type}`));
            const lines = (await from.call('GET', `/v1/jobs/${job.id}/result`)).body;
            const taken = await to.call('POST', `/v1/imports/${type}`, lines, {
              type: 'application/x-ndjson',
            });
            expect(await to.ended(taken)).toMatchObject({ result: { rejected: 0 } });
          }
          expect(await seen(to)).toEqual(await seen(from));
        } finally {
          await from.close();
          await to.close();
        }
      }),
      { numRuns: process.env.ROLLCALL_SOAK ? 50 : 3, ...seeded },
    );
  });
});

describe('a seed', () => {
  it('of a deployment makes the same deployment of an empty one, and the same seed again', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 20, maxLength: 40 }),
        fc.boolean(),
        async (some, isJob) => {
          const records = new Map(
            some.map(([key, { holdsOwnId, ...data }, more]) => [
              key,
              { ...(holdsOwnId ? { id: key } : {}), ...data, ...more },
            ]),
          );
          const [from, to] = [await openTestApi(), await openTestApi()];
          try {
            await fill(from, records);
            const seed = (await from.call('GET', `/v1/seeds?include=${INCLUDE}`)).body;
            const answer = await to.call('POST', `/v1/seeds?async=${isJob}`, seed);
            if (isJob) expect(await to.ended(answer)).toMatchObject({ status: 'completed' });
            else expect([answer.statusCode, answer.json().errors]).toEqual([200, []]);
            expect(await seen(to)).toEqual(await seen(from));
            expect((await to.call('GET', `/v1/seeds?include=${INCLUDE}`)).body).toBe(seed);
            const again = (await to.call('POST', '/v1/seeds', seed)).json();
            expect(again.totals).toMatchObject({ create: 0, update: 0 });
          } finally {
            await from.close();
            await to.close();
          }
        },
      ),
      { numRuns: process.env.ROLLCALL_SOAK ? 50 : 5, ...seeded },
    );
  });

  it('holds any text as text: what is marked is read as what it was', () => {
    const neverAsked = () => {
      throw new Error('an expression was found in what is text');
    };
    fc.assert(
      fc.property(fc.oneof(text, nested), (value) => {
        const written = JSON.parse(JSON.stringify(escapeExpressions(value)));
        expect(resolveExpressions(written, neverAsked)).toEqual(value);
        expect(unescapeExpressions(written)).toEqual(value);
      }),
      { numRuns: 2000, ...seeded },
    );
  });
});
