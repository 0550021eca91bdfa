/**
 * openapi.ts – The description of the API at `/openapi.json` and as pages at `/docs`, made of the
 * routes' own schemas.
 *
 * Keeps true: what holds for many routes alike (keys, roles, the refusals of every route, the
 * Idempotency-Key) is said by the tables that decide it, so it can't be forgotten at a route.
 */
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance, FastifySchema } from 'fastify';
import fp from 'fastify-plugin';
import Type from 'typebox';
import { ERRORS, type ErrorCode } from '../../errors.ts';
import { WEBHOOKS } from '../activations/events.ts';
import { ACTIVATION_SCHEMAS } from '../activations/schemas.ts';
import { PROBLEM_SCHEMAS, problemAnswer } from '../answers.ts';
import { CHANGE_SCHEMAS } from '../changes/schemas.ts';
import { IMPORT_SCHEMAS } from '../imports/schemas.ts';
import { JOB_SCHEMAS } from '../jobs/schemas.ts';
import { OBJECT_TYPE_SCHEMAS } from '../object-types/schemas.ts';
import { OPERATOR_SCHEMAS } from '../operators/schemas.ts';
import { RECORD_SCHEMAS } from '../records/schemas.ts';
import { type Need, needOf, rolesFor } from '../roles.ts';
import { SEED_SCHEMAS } from '../seeds/schemas.ts';
import { SEGMENT_SCHEMAS } from '../segments/schemas.ts';
import { VIEW_SCHEMAS } from '../views/schemas.ts';

const NAMED_SCHEMAS = [
  ...PROBLEM_SCHEMAS,
  ...OBJECT_TYPE_SCHEMAS,
  ...OPERATOR_SCHEMAS,
  ...RECORD_SCHEMAS,
  ...CHANGE_SCHEMAS,
  ...SEGMENT_SCHEMAS,
  ...VIEW_SCHEMAS,
  ...SEED_SCHEMAS,
  ...IMPORT_SCHEMAS,
  ...JOB_SCHEMAS,
  ...ACTIVATION_SCHEMAS,
];

export const openapi = fp(
  async (app: FastifyInstance) => {
    const optional = new Set<string | undefined>();
    for (const schema of NAMED_SCHEMAS) app.addSchema(schema);
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'Rollcall',
          version: '1',
          description:
            'Segments (saved filters over records) that are right at every moment. ' +
            'Failures are RFC 9457 problem documents.',
        },
        servers: [{ url: '/' }],
        tags: [
          { name: 'object-types', description: 'What records may hold' },
          { name: 'records', description: 'Records, one at a time or many' },
          { name: 'segments', description: 'Saved filters, their counts and their members' },
          { name: 'views', description: 'Which columns of which records are shown' },
          {
            name: 'jobs',
            description: 'Seeds, imports and exports of any size, and how they stand',
          },
          { name: 'operations', description: 'Health, metrics and this description' },
        ],
        webhooks: WEBHOOKS,
        components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
      },
      refResolver: {
        buildLocalReference: (schema, _baseUri, _fragment, at) =>
          String(schema['$id'] ?? `def-${at}`),
      },
      transform: ({ schema, url, route }) => {
        if (route.config?.bodyIsOptional) optional.add(schema?.operationId);
        return { schema: described(schema, String(route.method), url), url };
      },
    });
    await app.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: true,
      // On a loopback address there is no https to upgrade to.
      transformStaticCSP: (header) => header.replace('upgrade-insecure-requests;', ''),
    });
    app.get(
      '/openapi.json',
      {
        schema: {
          summary: 'This description',
          operationId: 'getDescription',
          response: {
            200: Type.Unsafe({
              type: 'object',
              description: 'OpenAPI 3.1',
              additionalProperties: true,
            }),
          },
        },
      },
      async () => withOptionalBodies(app.swagger(), optional),
    );
  },
  { name: 'openapi' },
);

interface Described {
  readonly operationId?: string;
  readonly requestBody?: { required?: boolean };
}

/** The plugin says of every body that it is required. */
function withOptionalBodies<Document extends object>(
  document: Document,
  optional: Set<string | undefined>,
): Document {
  const { paths = {} } = document as {
    paths?: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  };
  for (const { operationId, requestBody } of Object.values(paths).flatMap((path) =>
    Object.values(path),
  ))
    if (requestBody && optional.has(operationId)) requestBody.required = false;
  return document;
}

/** A route's schema with what the tables say of it. */
function described(schema: FastifySchema | undefined, method: string, url: string): FastifySchema {
  const need = needOf(method, url);
  const tags = [tagOf(url)];
  if (schema?.hide || url === '*') return { ...schema, tags, security: [] };
  if (need === 'nothing') return { ...schema, tags, security: [], response: openAnswers(schema) };
  const answers = withRefusals(
    schema?.response as Record<string, object>,
    refusalsOf(schema, need),
  );
  const known = { ...schema, tags, security: [{ key: [] }], response: answers };
  if (need === 'key') return known;
  const roles = `Roles: ${rolesFor(need).join(', ')}.`;
  const description = [schema?.description, roles].filter(Boolean).join(' ');
  return need === 'read'
    ? { ...known, description }
    : { ...known, description, headers: IDEMPOTENCY_HEADERS };
}

/** Of every route, whoever may call it. */
const ANY: ErrorCode[] = ['parameter_invalid', 'internal', 'shutting_down'];
const COMMON: ErrorCode[] = [...ANY, 'key_missing', 'redis_unavailable'];
const ROLES: ErrorCode[] = ['role_insufficient'];
const WRITE: ErrorCode[] = ['idempotency_in_progress', 'idempotency_key_reused'];
/** Of every route that reads a body. */
const BODY: ErrorCode[] = ['body_malformed', 'body_too_long', 'content_type_unsupported'];

function refusalsOf(schema: FastifySchema | undefined, need: Need): ErrorCode[] {
  return [
    ...COMMON,
    ...(need === 'key' ? [] : ROLES),
    ...(need.startsWith('write') ? ([...WRITE, 'redis_full'] as const) : []),
    ...(schema?.body === undefined ? [] : BODY),
  ];
}

/** The pages of the documentation describe themselves. */
function openAnswers(schema: FastifySchema | undefined): Record<string, object> | undefined {
  const response = schema?.response as Record<string, object> | undefined;
  return response && withRefusals(response, ANY);
}

const IDEMPOTENCY_HEADERS = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      description:
        'Sent again with the same body, the request is not carried out again: its ' +
        'answer is repeated for 24 hours. ' +
        `${WRITE.map((code) => `\`${code}\` is ${ERRORS[code].status}.`).join(' ')}`,
    }),
  ),
});

function withRefusals(
  response: Record<string, object>,
  codes: readonly ErrorCode[],
): Record<string, object> {
  const all = { ...response };
  for (const code of codes) {
    const status = ERRORS[code].status;
    const told = all[status] as { description?: string } | undefined;
    if (told?.description?.includes(`\`${code}\``)) continue;
    const { description } = problemAnswer([code]) as { description?: string };
    const given = all[status] as { description?: string } | undefined;
    all[status] = given
      ? { ...given, description: `${given.description} ${description}` }
      : (problemAnswer([code]) as object);
  }
  return all;
}

function tagOf(url: string): string {
  if (url.startsWith('/v1/object-types')) return 'object-types';
  if (url.startsWith('/v1/records') || url === '/v1/changes') return 'records';
  if (url.startsWith('/v1/views')) return 'views';
  if (/^\/v1\/(?:jobs|seeds|imports|exports)/.test(url)) return 'jobs';
  return url.startsWith('/v1/') ? 'segments' : 'operations';
}
