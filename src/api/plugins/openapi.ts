/**
 * openapi.ts – The description of the API at `/openapi.json` and as pages at `/docs`.
 *
 * Keeps true: it is made of the routes. What holds for many of them (keys, roles, refusals of every
 * route, the Idempotency-Key, preconditions) comes from the tables that decide it, so no route can
 * forget it.
 */
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance, FastifySchema } from 'fastify';
import fp from 'fastify-plugin';
import Type from 'typebox';
import { ERRORS, type ErrorCode } from '../../errors.ts';
import { WEBHOOKS } from '../activations/events.ts';
import { problemAnswer } from '../answers.ts';
import { isWrite, type Need, rolesFor } from '../roles.ts';
import type { ListedRoute } from '../route.ts';
import { API_PARTS, ROUTES } from '../routes.ts';

export const openapi = fp(
  async (app: FastifyInstance) => {
    for (const { schemas } of API_PARTS) for (const schema of schemas) app.addSchema(schema);
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
        tags: API_PARTS.map(({ tag, description }) => ({ name: tag, description })),
        webhooks: WEBHOOKS,
        components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
      },
      refResolver: {
        buildLocalReference: (schema, _baseUri, _fragment, at) =>
          String(schema['$id'] ?? `def-${at}`),
      },
      transform: ({ schema, url, route }) => ({ schema: described(schema, route), url }),
      transformObject: (document) =>
        withOptionalBodies('openapiObject' in document ? document.openapiObject : {}),
    });
    await app.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: true,
      // On a loopback address there is no https to upgrade to.
      transformStaticCSP: (header) => header.replace('upgrade-insecure-requests;', ''),
    });
  },
  { name: 'openapi' },
);

interface DescribedOperation {
  readonly operationId?: string;
  readonly requestBody?: { required?: boolean };
}

/** The swagger plugin calls every body required. */
function withOptionalBodies<Document extends object>(document: Document): Document {
  const isOptional = new Set<string | undefined>(
    ROUTES.flatMap(({ operationId, bodyIsOptional }) => (bodyIsOptional ? [operationId] : [])),
  );
  const { paths = {} } = document as {
    paths?: Readonly<Record<string, Readonly<Record<string, DescribedOperation>>>>;
  };
  for (const path of Object.values(paths))
    for (const { operationId, requestBody } of Object.values(path))
      if (requestBody && isOptional.has(operationId)) requestBody.required = false;
  return document;
}

/** A route's schema with what holds for all routes of its kind. */
function described(schema: FastifySchema = {}, { config }: AddedRoute): FastifySchema {
  // Pages of other plugins are hidden.
  if (!config?.route) return schema;
  const { need, tag, isConditional = false } = config.route;
  const tags = [tag];
  const given = schema.response as Record<string, object>;
  const response = isConditional ? withTags(given, need) : given;
  if (need === 'nothing')
    return {
      ...{ ...schema, tags, security: [] },
      response: withRefusals(response, schema.body === undefined ? ANY : [...ANY, ...BODY]),
    };
  const answers = withRefusals(response, refusalsOf(schema, need));
  const known = { ...schema, tags, security: [{ key: [] }], response: answers };
  if (need === 'key') return known;
  const roles = `Roles: ${rolesFor(need).join(', ')}.`;
  const description = [schema.description, roles].filter(Boolean).join(' ');
  const headers = {
    ...(isWrite(need) ? IDEMPOTENCY_HEADERS : {}),
    ...(isConditional ? conditionHeaders(need) : {}),
  };
  const sent = Object.keys(headers).length === 0 ? {} : { headers: Type.Object(headers) };
  return { ...known, description, ...sent };
}

const ETAG = {
  etag: { type: 'string', description: '`"<identity>-<revision>-<hash of the rest>"`' },
};

/** Its answers have a tag; to a read that names it there is nothing to answer. */
function withTags(response: Readonly<Record<string, object>>, need: Need): Record<string, object> {
  const tagged = Object.entries(response).map(([status, answer]) => [
    status,
    status === '200' || status === '201' ? { ...answer, headers: ETAG } : answer,
  ]);
  const known = { 304: { type: 'null', description: 'The tag is known; it is as it was.' } };
  const all = { ...Object.fromEntries(tagged), ...(isWrite(need) ? {} : known) };
  return withRefusals(all, ['precondition_failed', 'parameter_invalid']);
}

function conditionHeaders(need: Need) {
  const listed = '`*` or a list of tags. ';
  const refused = '`precondition_failed` is 412.';
  const match = isWrite(need)
    ? 'Carried out only on what has one of these identities and revisions. '
    : 'Answered only if it has one of these identities and revisions. ';
  const noneMatch = isWrite(need)
    ? `\`*\`: carried out only if there is none yet. ${refused}`
    : `${listed}304 if it is one of these.`;
  return {
    'if-match': Type.Optional(Type.String({ description: `${match}${listed}${refused}` })),
    'if-none-match': Type.Optional(Type.String({ description: noneMatch })),
  };
}

interface AddedRoute {
  readonly config?: { readonly route?: ListedRoute };
}

/** Of every route, whoever may call it. */
const ANY: ErrorCode[] = ['parameter_invalid', 'internal', 'shutting_down'];
const COMMON: ErrorCode[] = [...ANY, 'key_missing', 'redis_unavailable', 'row_unreadable'];
const ROLES: ErrorCode[] = ['role_insufficient'];
const WRITE: ErrorCode[] = ['idempotency_in_progress', 'idempotency_key_reused'];
/** Of every route that reads a body. */
const BODY: ErrorCode[] = ['body_malformed', 'body_too_long', 'content_type_unsupported'];

function refusalsOf(schema: FastifySchema, need: Need): ErrorCode[] {
  return [
    ...COMMON,
    ...(need === 'key' ? [] : ROLES),
    ...(isWrite(need) ? ([...WRITE, 'redis_full'] as const) : []),
    ...(schema.body === undefined ? [] : BODY),
  ];
}

const IDEMPOTENCY_HEADERS = {
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
};

function withRefusals(
  response: Readonly<Record<string, object>>,
  codes: readonly ErrorCode[],
): Record<string, object> {
  const all = { ...response };
  for (const code of codes) {
    const { status } = ERRORS[code];
    const known = all[status] as { readonly description?: string } | undefined;
    if (known?.description?.includes(`\`${code}\``)) continue;
    const refused = problemAnswer([code]) as { readonly description: string };
    all[status] = known
      ? { ...known, description: `${known.description} ${refused.description}` }
      : refused;
  }
  return all;
}
