/**
 * openapi.test.ts – The description of the API is the contract: what it shows can be sent as it
 * stands, and what is answered is what it says may be.
 */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, describe, expect, it } from 'vitest';
import type { Role } from '../../src/config.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built, eventually, send } from '../support/deployment.ts';
import { openReceiver } from '../support/receiver.ts';
import { ROUTE_NEEDS } from '../support/routes.ts';
import { declareView, openWebhookDeployment, put } from '../support/webhooks.ts';

interface Schema {
  readonly $ref?: string;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}
/** What shows examples: one, several by name, or those of the schema. */
interface Shown {
  readonly schema: Schema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}
interface Parameter extends Shown {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
}
interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: {
    readonly required?: boolean;
    readonly content: Readonly<Record<string, Shown>>;
  };
  readonly responses: Readonly<Record<string, unknown>>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly webhooks: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const resolve = (document: Document, schema: Schema): Schema =>
  schema.$ref === undefined
    ? schema
    : resolve(document, document.components.schemas[schema.$ref.split('/').at(-1)!]!);

/**
 * The bodies that are shown for an operation, each with its content type; none of one that takes no
 * body.
 */
function shownBodies(
  document: Document,
  { requestBody }: Operation,
): readonly (readonly [string, string])[] {
  return Object.entries(requestBody?.content ?? {}).flatMap(([type, media]) =>
    examplesOf(document, media).map((example) => [type, asBody(type, example)] as const),
  );
}

function examplesOf(document: Document, { schema, example, examples }: Shown): readonly unknown[] {
  if (example !== undefined) return [example];
  if (examples !== undefined) return Object.values(examples).map(({ value }) => value);
  return resolve(document, schema).examples ?? [];
}

function asBody(type: string, example: unknown): string {
  if (typeof example === 'string') return example;
  const isLines = type === 'application/x-ndjson';
  if (isLines && Array.isArray(example))
    return example.map((item) => `${JSON.stringify(item)}\n`).join('');
  return JSON.stringify(example);
}

/** What each operation finds when it is tried; what is not named finds all of it. */
const FINDS: Readonly<Record<string, number>> = {
  putObjectType: 0,
  importSeed: 0,
  deleteObjectType: 1,
  putRecord: 1,
  createSegment: 2,
  deleteSegment: 3,
  createView: 3,
  createActivation: 4,
};

/**
 * Makes what the examples make, in the order in which a newcomer would: type, record, segment,
 * view, activation, job.
 */
async function prepare(
  api: TestApi,
  document: Document,
  finds: number,
): Promise<Record<string, string>> {
  const story = [
    ['PUT', '/v1/object-types/contacts', '/v1/object-types/{name}'],
    ['PUT', '/v1/records/contacts/c-17', '/v1/records/{type}/{id}'],
    ['POST', '/v1/segments', '/v1/segments'],
    ['POST', '/v1/views', '/v1/views'],
    ['POST', '/v1/views/big-spenders/activations', '/v1/views/{slug}/activations'],
    ['POST', '/v1/exports/contacts', '/v1/exports/{type}'],
  ].slice(0, finds);
  const made: Record<string, string> = {};
  for (const [method, url, path] of story as [string, string, string][]) {
    const [[type, body] = ['application/json', '{}']] = shownBodies(
      document,
      document.paths[path]![method.toLowerCase()]!,
    );
    const answer = await api.call(method, url, body, { type });
    expect(answer.statusCode, `${method} ${url}: ${answer.body}`).toBeLessThan(300);
    if (url === '/v1/segments') {
      // The one that others are compared with.
      const other = { ...(JSON.parse(String(body)) as object), slug: 'newsletter-readers' };
      expect((await api.call(method, url, other)).statusCode).toBe(201);
    }
    if (url.endsWith('activations')) made['activation'] = answer.json<{ id: string }>().id;
    if (url.includes('exports')) made['job'] = (await api.ended(answer)).id;
  }
  await built(api.deployment);
  return made;
}

async function prepared(finds: number): Promise<[TestApi, Record<string, string>]> {
  const api = await openTestApi();
  return [api, await prepare(api, document, finds)];
}

/** In terms of what exists: a job is named by an id of its own. */
function urlOf(path: string, operation: Operation, made: Record<string, string>): string {
  const required = (operation.parameters ?? []).filter(
    (each) => each.in === 'query' && each.required,
  );
  const query = required.map(
    (each) => `${each.name}=${encodeURIComponent(String(examplesOf(document, each)[0]))}`,
  );
  const named = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    if (name === 'activation') return made['activation']!;
    if (path.startsWith('/v1/jobs')) return made['job']!;
    const parameter = operation.parameters!.find((each) => each.name === name)!;
    return String(examplesOf(document, parameter)[0]);
  });
  return query.length === 0 ? named : `${named}?${query.join('&')}`;
}

/**
 * These need something that no document can show: a receiver, a dead letter, a sync or an audit
 * that was asked for, a segment that is deleted, a page that asks; and one never ends.
 */
const OF_LETTERS = ['getLetter', 'discardLetter', 'retryLetter'];
const OF_PAGES = ['beginSession', 'openStream'];
const NEEDS_MORE = [
  ...['testActivation', 'getSync', 'restoreSegment', 'getAudit'],
  ...OF_LETTERS,
  ...OF_PAGES,
];

const described = await openTestApi();
const document = (await described.server.inject('/openapi.json')).json<Document>();
afterAll(() => described.close());

/** A server with all that the examples make, for whoever only reads. */
let forReading: Promise<readonly [TestApi, Record<string, string>]> | undefined;
const readable = () =>
  (forReading ??= openTestApi().then(
    async (api) => [api, await prepare(api, document, 6)] as const,
  ));
afterAll(async () => (await forReading)?.[0].close());

const OPERATIONS = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(
    ([method, operation]) =>
      [operation.operationId, method.toUpperCase(), path, operation] as const,
  ),
);

/** Parameters that are refused where an answer is no CSV. */
const OF_CSV = ['bom', 'delimiter'];

describe('an example can be sent as it stands:', () => {
  const tried = OPERATIONS.filter(([id]) => !NEEDS_MORE.includes(id));

  it.each(tried)('%s', async (id, method, path, operation) => {
    const bodies = shownBodies(document, operation);
    if (operation.requestBody !== undefined) expect(bodies, `${id} shows a body`).not.toEqual([]);
    for (const [type, body] of bodies.length > 0 ? bodies : [[undefined, undefined] as const]) {
      const onlyReads = method === 'GET';
      const [api, made] = onlyReads ? await readable() : await prepared(FINDS[id] ?? 6);
      try {
        const url = urlOf(path, operation, made);
        const answer = await api.call(method, url, body, type === undefined ? {} : { type });
        expect(
          answer.statusCode,
          `${method} ${url} ${body}: ${answer.body.slice(0, 500)}`,
        ).toBeLessThan(400);
        expect(Object.keys(operation.responses)).toContain(String(answer.statusCode));
        if (answer.statusCode === 202 && path.startsWith('/v1/imports'))
          expect(await api.ended(answer)).toMatchObject({ status: 'completed', errors_total: 0 });
        if (id === 'postChanges') expect(answer.json()).toMatchObject({ rejected: [] });
      } finally {
        if (!onlyReads) await api.close();
      }
    }
  });

  it('no body, where the document says that none is needed, and only there', async () => {
    const [api, made] = await prepared(6);
    for (const [id, method, path, operation] of OPERATIONS) {
      if (operation.requestBody === undefined) continue;
      const answer = await api.call(method, urlOf(path, operation, made));
      const isTaken = answer.statusCode < 400;
      expect([id, isTaken], answer.body).toEqual([id, operation.requestBody.required === false]);
    }
    await api.close();
  });

  it('each of a query, as a segment', async () => {
    const [api] = await prepared(2);
    const examples = document.components.schemas['Query']!.examples!;
    expect(examples.length).toBeGreaterThan(1);
    for (const [at, query] of examples.entries()) {
      const answer = await api.call('POST', '/v1/segments', {
        title: 'q',
        slug: `q${at}`,
        object_type: 'contacts',
        query,
      });
      expect(answer.statusCode, `${JSON.stringify(query)}: ${answer.body}`).toBe(201);
    }
    await api.close();
  });

  it('each of a parameter', async () => {
    const [api, made] = await readable();
    for (const [id, method, path, operation] of OPERATIONS) {
      if (method !== 'GET' || NEEDS_MORE.includes(id)) continue;
      for (const parameter of operation.parameters ?? []) {
        const { name, in: where } = parameter;
        for (const example of where === 'query' ? examplesOf(document, parameter) : []) {
          const base = urlOf(path, operation, made);
          const more = `${name}=${encodeURIComponent(String(example))}`;
          const joint = base.includes('?') ? '&' : '?';
          const url = base.includes(`?${name}=`) ? base : `${base}${joint}${more}`;
          const answer = await api.call(
            method,
            url,
            undefined,
            OF_CSV.includes(name) ? { accept: 'text/csv' } : {},
          );
          expect(answer.statusCode, `${id} ${name}: ${answer.body}`).toBe(200);
        }
      }
    }
  });
});

describe('what is answered is declared:', () => {
  const status = async (
    method: string,
    url: string,
    body?: unknown,
    sent: { role?: Role; type?: string } = {},
  ) => (await described.call(method, url, body, sent)).statusCode;

  it.each(OPERATIONS)('%s', async (_, method, path, operation) => {
    const url = path.replaceAll(/\{\w+\}/g, 'nobody');
    const isOpen =
      (ROUTE_NEEDS as Record<string, string>)[
        `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`
      ] === 'nothing';
    const seen = new Set([
      await status(method, `${url}${url.includes('?') ? '&' : '?'}no_such_parameter`),
      await status(method, url),
    ]);
    if (!isOpen) {
      seen.add((await described.server.inject({ method: method as 'GET', url })).statusCode);
      for (const role of ['viewer', 'editor'] as const)
        seen.add(await status(method, url, undefined, { role }));
    }
    if (operation.requestBody) {
      seen.add(await status(method, url, '{', {}));
      seen.add(await status(method, url, '{}', {}));
      seen.add(await status(method, url, '[]', {}));
      seen.add(await status(method, url, 'x', { type: 'text/plain' }));
      seen.add(await status(method, url, `"${'x'.repeat(17 * 1024 * 1024)}"`, {}));
      expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['413', '415']));
    }
    expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining([...seen].map(String)));
  });

  it('every route is described, and nothing else', () => {
    const described = OPERATIONS.map(
      ([, method, path]) => `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`,
    );
    expect(described.sort()).toEqual(Object.keys(ROUTE_NEEDS).sort());
  });
});

it.each([
  ['object-types', 'name,attributes'],
  ['segments', 'slug,title'],
  ['views', 'slug,columns'],
])(
  'a list of %s of which only %s is asked for has its form, and so has a whole one',
  async (kind, fields) => {
    const api = await openTestApi();
    try {
      await api.call('PUT', '/v1/object-types/chosen', { attributes: { n: { type: 'number' } } });
      const made = {
        title: 'Chosen',
        slug: 'chosen',
        object_type: 'chosen',
        query: { combinator: 'and', rules: [] },
      };
      await api.call('POST', '/v1/segments', made);
      await api.call('POST', '/v1/views', {
        ...made,
        slug: 'chosen-view',
        columns: [{ path: 'n' }],
      });
      const check = new Ajv2020({ strict: false, validateFormats: false }).addSchema({
        $id: 'openapi',
        ...document,
      });
      const at = `openapi#/paths/~1v1~1${kind}/get/responses/200/content/application~1json/schema`;
      for (const query of ['', `?fields=${fields}`]) {
        const page = (await api.call('GET', `/v1/${kind}${query}`)).json();
        expect(page.data).toHaveLength(1);
        expect(check.validate(at, page), check.errorsText()).toBe(true);
      }
    } finally {
      await api.close();
    }
  },
);

describe('webhooks are described:', () => {
  /** Of a body: what it lacks of what it must have, and what it has that nobody has said. */
  const faultsOf = (body: { type: string; data: Record<string, unknown> }) => {
    const { schema } =
      document.webhooks[body.type]!['post']!.requestBody!.content['application/json']!;
    const { required = [], properties = {} } = schema.properties!['data']!;
    const lacking = required.filter((name) => !(name in body.data));
    return [...lacking, ...Object.keys(body.data).filter((name) => !(name in properties))];
  };

  it.each(Object.keys(document.webhooks))('%s has an example of its form', (type) => {
    const { schema } = document.webhooks[type]!['post']!.requestBody!.content['application/json']!;
    const [example] = schema.examples as [{ type: string; data: Record<string, unknown> }];
    expect([example.type, faultsOf(example)]).toEqual([type, []]);
  });

  it('every event that a receiver gets has the form that its type is described by', async () => {
    const receiver = await openReceiver();
    const opened = await openWebhookDeployment();
    const { deployment, webhooks } = opened;
    await declareView(deployment);
    const { activation } = await opened.activate(receiver.url);
    for (const change of [put('a', true), put('b', true), put('b', false)])
      await send(deployment, [change]);
    await webhooks.beginSync(activation);
    await webhooks.test(activation);
    const types = () => new Set(receiver.delivered().map(({ type }) => type));
    await eventually('one of each type has come', () => types().size === 4);
    expect([...types()].sort()).toEqual(Object.keys(document.webhooks).sort());
    for (const { body } of receiver.delivered())
      expect(faultsOf(JSON.parse(body)), body).toEqual([]);
    await opened.close();
    await receiver.close();
  });
});
