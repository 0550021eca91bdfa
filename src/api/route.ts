/**
 * route.ts – What a route is: one value that says all there is to say of it.
 *
 * Keeps true: the server's checks, the description and the tables are made of the same value, so a
 * route that is added in one file is added everywhere. Plugins find the route of a request in its
 * Fastify config.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify';
import Type, { type Static, type TObject, type TSchema } from 'typebox';
import type { Deployment } from '../engine/deployment.ts';
import { assert, type ErrorCode } from '../errors.ts';
import type { Audits } from '../jobs/audits.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { Webhooks } from '../jobs/webhooks.ts';
import { answers } from './answers.ts';
import type { EventStreams } from './event-streams.ts';
import type { HeldAnswers } from './held-answers.ts';
import type { Need } from './roles.ts';
import type { Pulse } from './stream/pulse.ts';

/** What every handler works with. */
export interface RouteContext {
  readonly deployment: Deployment;
  readonly jobs: Jobs;
  readonly audits: Audits;
  readonly webhooks: Webhooks;
  /** Makes answers that may be heavy. */
  readonly held: HeldAnswers;
  /** Answers that go on and on. */
  readonly streams: EventStreams;
  readonly pulse: Pulse;
  /** Entries of all logs that may wait before `/readyz` says that this server is behind. */
  readonly lagEntriesMax: number;
  /** Changes that may wait in this process before more are refused. */
  readonly waitingChangesMax: number;
}

interface Stated<Path extends string> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Parameters begin with a colon: `/v1/segments/:slug`. */
  readonly path: Path;
  /** What it needs of its caller. */
  readonly need: Need;
  readonly summary: string;
  readonly description?: string;
  /** By status: what is answered when all goes well. */
  readonly answers: Readonly<Record<number, TSchema>>;
  /** Codes of its refusals, beside those that every route of its kind has. */
  readonly refusals?: readonly ErrorCode[];
  /** Bytes of a body that is read as a whole; BODY_BYTES_MAX of server.ts if absent. */
  readonly bodyBytesMax?: number;
  /** What it answers or writes has a tag: If-Match and If-None-Match are obeyed. */
  readonly isConditional?: boolean;
  /** A request without a body counts as `{}`. */
  readonly bodyIsOptional?: boolean;
  /** The handler decodes bodies that are not UTF-8 by itself. */
  readonly readsCharsets?: boolean;
  /** It answers in its own words while Redis is silent (plugins/deadlines.ts). */
  readonly answersWithoutRedis?: boolean;
  /** No limit of requests refuses it (plugins/rate-limit.ts). */
  readonly isNeverLimited?: boolean;
  /** Adds the parsers of bodies that are not read as JSON. They serve this route alone. */
  readonly readBodies?: (app: FastifyInstance) => void;
  /**
   * Runs before the body is read, so that a refusal spares the client sending all of it. @throws
   * Problem
   */
  readonly beforeBody?: (context: RouteContext) => void;
}

/** A route without the types that only its handler knows. */
export interface Route extends Stated<string> {
  readonly query?: TSchema | undefined;
  /** A schema, or one for each content type. */
  readonly body?: object | undefined;
  readonly handler: (
    request: FastifyRequest,
    context: RouteContext,
    reply: FastifyReply,
  ) => Promise<unknown>;
}

/** A route in the list of all, with its name in the description and the part it belongs to. */
export interface ListedRoute extends Route {
  readonly operationId: string;
  readonly tag: string;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Undefined for the pages of other plugins. */
    route?: ListedRoute;
  }
}

/** `slug` and `id`, of `/v1/segments/:slug/members/:id`. */
type NamesIn<Path extends string> = Path extends `${string}/:${infer Name}/${infer Rest}`
  ? Name | NamesIn<`/${Rest}`>
  : Path extends `${string}/:${infer Name}`
    ? Name
    : never;

type RouteRequest<Path extends string, Query extends TSchema, Body> = FastifyRequest<{
  Params: Readonly<Record<NamesIn<Path>, string>>;
  Querystring: Static<Query>;
  Body: Body extends TSchema ? Static<Body> : unknown;
}>;

/** Makes a route; its handler's request is typed by the path, the query and the body. */
export function route<
  const Path extends string,
  Query extends TSchema = TObject,
  Body extends object | undefined = undefined,
>(
  given: Stated<Path> & {
    readonly query?: Query;
    readonly body?: Body;
    readonly handler: (
      request: RouteRequest<Path, Query, Body>,
      context: RouteContext,
      reply: FastifyReply,
    ) => Promise<unknown>;
  },
): Route {
  return { ...given, handler: given.handler as unknown as Route['handler'] };
}

/** Puts a route into the server. */
export async function addRoute(
  app: FastifyInstance,
  listed: ListedRoute,
  context: RouteContext,
): Promise<void> {
  const { method, path, bodyBytesMax, readBodies, beforeBody, handler } = listed;
  const add = async (scope: FastifyInstance) => {
    readBodies?.(scope);
    scope.route({
      method,
      url: path,
      schema: schemaOf(listed),
      config: { route: listed },
      ...(bodyBytesMax === undefined ? {} : { bodyLimit: bodyBytesMax }),
      ...(beforeBody ? { onRequest: async () => beforeBody(context) } : {}),
      handler: (request, reply) => handler(request, context, reply),
    });
  };
  // Its parsers serve no other route.
  await (readBodies ? app.register(add) : add(app));
}

function schemaOf(listed: ListedRoute): FastifySchema {
  const { operationId, summary, description, path, query, body } = listed;
  const names = path.split('/').flatMap((step) => (step.startsWith(':') ? [step.slice(1)] : []));
  return {
    operationId,
    summary,
    ...(description === undefined ? {} : { description }),
    ...(names.length === 0 ? {} : { params: parametersOf(names) }),
    ...(query === undefined ? {} : { querystring: query }),
    ...(body === undefined ? {} : { body }),
    response: answers(listed.answers, listed.refusals ?? []),
  };
}

/** Only described here; handlers look them up, and answer 404 if nothing is there. */
const PATH_PARAMETERS: Readonly<Record<string, TSchema>> = {
  name: Type.String({ description: 'Name of the object type.', examples: ['contacts'] }),
  type: Type.String({
    description: 'Name of the object type of the record.',
    examples: ['contacts'],
  }),
  id: Type.String({ description: 'Id of the record, percent-encoded.', examples: ['c-17'] }),
  slug: Type.String({ description: 'Slug of the segment or view.', examples: ['big-spenders'] }),
  activation: Type.String({ description: 'Id of the activation.' }),
  audit: Type.String({ description: 'Id of the audit.' }),
  letter: Type.String({ description: 'Id of the dead letter.', examples: ['3-1769760000000-0'] }),
};

function parametersOf(names: readonly string[]): TObject {
  const described = names.map((name) => {
    const parameter = PATH_PARAMETERS[name];
    assert(parameter, `the path parameter ${name} is described`);
    return [name, parameter] as const;
  });
  return Type.Object(Object.fromEntries(described));
}
