/**
 * route.test.ts – A route is one value: the server does with it what it says, and with no other.
 */
import type { Readable } from 'node:stream';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bodies } from '../../../src/api/plugins/bodies.ts';
import { problems } from '../../../src/api/plugins/problems.ts';
import { needOf } from '../../../src/api/roles.ts';
import { addRoute, type Route, type RouteContext, route } from '../../../src/api/route.ts';
import { API_PARTS, ROUTES } from '../../../src/api/routes.ts';
import { Problem } from '../../../src/errors.ts';

const context = { waitingChangesMax: 7 } as RouteContext;
let server: FastifyInstance;
beforeEach(async () => {
  server = Fastify();
  await server.register(problems);
  await server.register(bodies, { seconds: 60 });
});
afterEach(() => server.close());

const add = (made: Route) =>
  addRoute(server, { ...made, operationId: 'thing', tag: 'things' }, context);

const stated = { method: 'POST', need: 'read', summary: 'A thing', answers: {} } as const;

const thing = route({
  ...stated,
  path: '/things/:slug/parts/:id',
  handler: async ({ params: { slug, id }, body }, { waitingChangesMax }, reply) =>
    reply.code(201).send({ slug, id, body, waitingChangesMax }),
});

const send = (url: string, payload: string, type = 'application/json') =>
  server.inject({ method: 'POST', url, payload, headers: { 'content-type': type } });

describe('a route in the server', () => {
  it('answers with its path, its body and what it works with', async () => {
    await add(thing);
    const answer = await send('/things/a/parts/b', '{"n":1}');
    expect([answer.statusCode, answer.json()]).toEqual([
      201,
      { slug: 'a', id: 'b', body: { n: 1 }, waitingChangesMax: 7 },
    ]);
  });

  it('is found in the config of its requests', async () => {
    await add(
      route({
        ...stated,
        path: '/things',
        handler: async ({ routeOptions }) => routeOptions.config.route,
      }),
    );
    expect((await send('/things', '{}')).json()).toMatchObject({
      operationId: 'thing',
      need: 'read',
    });
  });

  it('takes as many bytes as it says, and no body where it needs none', async () => {
    const handler = async ({ body }: { body: unknown }) => ({ body });
    await add(route({ ...stated, path: '/small', bodyBytesMax: 10, handler }));
    await add(route({ ...stated, path: '/none', bodyIsOptional: true, handler }));
    expect((await send('/small', '"more than ten"')).statusCode).toBe(413);
    expect((await send('/none', '"more than ten"')).statusCode).toBe(200);
    expect((await server.inject({ method: 'POST', url: '/none' })).json()).toEqual({ body: {} });
  });

  it('refuses before it reads the body', async () => {
    const seen: unknown[] = [];
    await add(
      route({
        ...stated,
        path: '/busy',
        beforeBody: ({ waitingChangesMax }) => {
          seen.push(waitingChangesMax);
          throw new Problem('overloaded', 'busy');
        },
        handler: async () => seen.push('handled'),
      }),
    );
    expect((await send('/busy', '{')).json()).toMatchObject({ code: 'overloaded' });
    expect(seen).toEqual([7]);
  });

  it('reads bodies in its own way, and leaves those of others alone', async () => {
    const isStream = (body: unknown) => typeof (body as Readable | undefined)?.pipe === 'function';
    const handler = async ({ body }: { body: unknown }) => ({ isStream: isStream(body) });
    const readBodies = (app: FastifyInstance) => {
      app.removeAllContentTypeParsers();
      app.addContentTypeParser('*', async (_: unknown, payload: Readable) => payload);
    };
    await add(route({ ...stated, path: '/own', readBodies, handler }));
    await add(route({ ...stated, path: '/others', handler }));
    expect((await send('/own', 'x', 'text/plain')).json()).toEqual({ isStream: true });
    expect((await send('/others', '{}')).json()).toEqual({ isStream: false });
    expect((await send('/others', 'x', 'text/plain')).statusCode).toBe(415);
  });

  it('can not be added with a path parameter that nobody describes', async () => {
    const handler = async () => ({});
    await expect(add(route({ ...stated, path: '/things/:colour', handler }))).rejects.toThrow(
      'the path parameter colour is described',
    );
  });
});

describe('all routes', () => {
  it('have a place and a name of their own', () => {
    const places = ROUTES.map(({ method, path }) => `${method} ${path}`);
    expect(new Set(places).size).toBe(places.length);
    expect(new Set(ROUTES.map(({ operationId }) => operationId)).size).toBe(ROUTES.length);
  });

  it('refer only to forms that there are, and leave none of them unused', () => {
    const named = API_PARTS.flatMap(({ schemas }) => schemas);
    const ids = named.map((schema) => (schema as { $id?: string }).$id);
    const shown = ROUTES.map(({ path, query, body, answers, refusals }) => {
      // Every route may be refused with a problem document.
      return { path, query, body, answers, refusals, problem: { $ref: 'Problem#' } };
    });
    const text = JSON.stringify([named, shown]);
    const used = new Set([...text.matchAll(/"\$ref":"(\w+)#"/g)].map(([, id]) => id));
    expect([...used].sort()).toEqual([...ids].sort());
  });

  it('name no code twice that they may be refused with', () => {
    for (const { operationId, refusals = [] } of ROUTES)
      expect([operationId, [...new Set(refusals)]]).toEqual([operationId, refusals]);
  });
});

describe('what a route needs of its caller', () => {
  it('is what it says; of the pages of other plugins the path says it', () => {
    const config = { route: { need: 'write_records' } } as const;
    expect(needOf({ method: 'PUT', url: '/v1/x', config })).toBe('write_records');
    expect(needOf({ method: 'GET', url: '/docs/static/index.html' })).toBe('nothing');
    expect(needOf({ method: 'GET', url: '/admin/queues/api' })).toBe('operate_queues');
    expect(needOf({ method: 'OPTIONS', url: '*' })).toBe('key');
  });

  it('must be said', () => {
    expect(() => needOf({ method: 'GET', url: '/v1/x' })).toThrow('GET /v1/x says what it needs');
    expect(() => needOf({ method: 'OPTIONS', url: '/v1/x' })).toThrow();
  });
});
