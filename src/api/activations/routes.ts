/**
 * routes.ts – `/v1/views/:slug/activations`: webhooks that tell who enters and leaves a view, and
 * how their deliveries stand.
 *
 * Keeps true: a secret is answered once, to the creation that made it, and nowhere else.
 */
import Type from 'typebox';
import type { StoredActivation } from '../../catalog/catalog.ts';
import { shownTarget } from '../../catalog/webhook-target.ts';
import { asOffset, packCursor, readCursor } from '../../cursor.ts';
import { type ErrorCode, Problem } from '../../errors.ts';
import { NO_CONTENT } from '../answers.ts';
import { editOf } from '../edits.ts';
import { named } from '../fields.ts';
import type { Caller } from '../known-keys.ts';
import { pageByName } from '../named-pages.ts';
import { LIMIT_DEFAULT, pageOf, pageParameters } from '../page.ts';
import { type Capability, ROLE_CAPABILITIES } from '../roles.ts';
import { type RouteContext, route } from '../route.ts';
import { formatActivation, formatLetter, formatSync } from './format.ts';
import { redeliverBody } from './schemas.ts';

const UNKNOWN_CODES: ErrorCode[] = ['view_unknown', 'activation_unknown'];
const EDIT_CODES: ErrorCode[] = [
  'body_malformed',
  'activation_invalid',
  'catalog_conflict',
  'catalog_full',
];
const BASE = '/v1/views/:slug/activations';
const ONE = `${BASE}/:activation`;

const listActivations = route({
  method: 'GET',
  path: BASE,
  need: 'read',
  summary: "List a view's activations, in the order in which they were created",
  answers: { 200: pageOf(named('Activation')) },
  refusals: ['view_unknown'],
  handler: async ({ params: { slug }, caller }, context) => {
    const listed = await context.deployment.activations.list(slug);
    const data = await Promise.all(
      listed.map((activation) => shown(activation, context, mayChange(caller))),
    );
    return { data, next_cursor: null };
  },
});

const listAllActivations = route({
  method: 'GET',
  path: '/v1/activations',
  need: 'read',
  summary: 'List the activations of all views, by view and in the order in which they were created',
  query: Type.Object(pageParameters),
  answers: { 200: pageOf(named('Activation')) },
  refusals: ['parameter_invalid', 'cursor_invalid'],
  handler: async (request, context, reply) => {
    const { store, limits } = context.deployment;
    const { activations } = await store.refresh();
    const isWhole = mayChange(request.caller);
    const format = (activation: StoredActivation) => shown(activation, context, isWhole);
    const placed = [...activations.values()].map((each) => [placeOf(each), each] as const);
    return context.held.send(request, reply, () =>
      pageByName(placed, request.query, limits.pageBytes, format),
    );
  },
});

const createActivation = route({
  method: 'POST',
  path: BASE,
  need: 'write_catalog',
  summary: "Tell a URL who enters and leaves a view's members",
  description:
    'Every change that is acknowledged after this answer is told, as a webhook in the format ' +
    'of Standard Webhooks. Who is a ' +
    'member already is told by a sync. Without a secret one is made, and answered here and ' +
    'never again.',
  body: named('ActivationInput'),
  answers: { 201: named('CreatedActivation') },
  refusals: ['view_unknown', ...EDIT_CODES],
  handler: async (request, context, reply) => {
    const { slug } = request.params;
    const { activations } = context.deployment;
    const { activation, secret } = await activations.create(slug, request.body, editOf(request));
    await context.webhooks.adopted();
    const answer = await shown(activation, context);
    return reply
      .code(201)
      .header('location', `/v1/views/${slug}/activations/${activation.id}`)
      .header('cache-control', 'no-store')
      .send(secret === undefined ? answer : { ...answer, secret });
  },
});

const getActivation = route({
  method: 'GET',
  path: ONE,
  need: 'read',
  summary: 'Read an activation, and how its deliveries stand',
  answers: { 200: named('Activation') },
  refusals: UNKNOWN_CODES,
  handler: async ({ params, caller }, context) =>
    shown(await find(params, context), context, mayChange(caller)),
});

const patchActivation = route({
  method: 'PATCH',
  path: ONE,
  need: 'write_catalog',
  summary: 'Change some of an activation',
  description:
    'A secret that is given takes the place of the one before at once. What waits for a retry ' +
    'is tried now.',
  body: named('ActivationPatch'),
  answers: { 200: named('Activation') },
  refusals: [...UNKNOWN_CODES, ...EDIT_CODES],
  handler: async (request, context) => {
    const { slug, activation: id } = request.params;
    const { activations } = context.deployment;
    const activation = await activations.patch(slug, id, request.body, editOf(request));
    await context.webhooks.retryNow(activation.id);
    return shown(activation, context);
  },
});

const deleteActivation = route({
  method: 'DELETE',
  path: ONE,
  need: 'write_catalog',
  summary: 'Delete an activation, with all that is pending and dead of it',
  answers: { 204: NO_CONTENT },
  refusals: [...UNKNOWN_CODES, 'catalog_conflict'],
  handler: async (request, { deployment: { activations }, webhooks }, reply) => {
    const { slug, activation } = request.params;
    await activations.find(slug, activation);
    await activations.remove(slug, activation, editOf(request));
    await webhooks.purge(activation);
    return reply.code(204).send();
  },
});

const enableActivation = route({
  method: 'POST',
  path: `${ONE}/enable`,
  need: 'write_catalog',
  summary: 'Deliver again to an activation that was disabled',
  description: 'What happened meanwhile was kept, and is delivered now, in its order.',
  answers: { 200: named('Activation') },
  refusals: UNKNOWN_CODES,
  handler: async ({ params }, context) => {
    const activation = await find(params, context);
    await context.webhooks.enable(activation);
    return shown(activation, context);
  },
});

const testActivation = route({
  method: 'POST',
  path: `${ONE}/test`,
  need: 'write_catalog',
  summary: 'Send one signed event of type test, and say what the receiver answered',
  answers: { 200: named('Attempt') },
  refusals: UNKNOWN_CODES,
  handler: async ({ params }, context) => {
    const activation = await find(params, context);
    const { outcome, status, error, answer, durationMs } = await context.webhooks.test(activation);
    return { delivered: outcome === 'delivered', status, error, answer, duration_ms: durationMs };
  },
});

const syncActivation = route({
  method: 'POST',
  path: `${ONE}/sync`,
  need: 'write_catalog',
  summary: 'Send every member of the view, as events of type member.synced',
  description: 'A sync that runs already goes on.',
  answers: { 202: named('Sync') },
  refusals: [...UNKNOWN_CODES, 'activation_disabled', 'segment_building', 'segment_failed'],
  handler: async ({ params }, context, reply) => {
    const activation = await find(params, context);
    return reply.code(202).send(formatSync(await context.webhooks.beginSync(activation)));
  },
});

const getSync = route({
  method: 'GET',
  path: `${ONE}/sync`,
  need: 'read',
  summary: 'How far the last full sync has come',
  answers: { 200: named('Sync') },
  refusals: [...UNKNOWN_CODES, 'sync_unknown'],
  handler: async ({ params }, context) => {
    const sync = await context.webhooks.sync(await find(params, context));
    if (!sync) throw new Problem('sync_unknown', 'no full sync was asked for yet');
    return formatSync(sync);
  },
});

const listDeadLetters = route({
  method: 'GET',
  path: `${ONE}/dead-letters`,
  need: 'read',
  summary: 'Events that could not be delivered, oldest first',
  query: Type.Object(pageParameters),
  answers: { 200: pageOf(named('DeadLetter')) },
  refusals: [...UNKNOWN_CODES, 'parameter_invalid', 'cursor_invalid'],
  handler: async ({ params, query: { limit = LIMIT_DEFAULT, cursor } }, context) => {
    const activation = await find(params, context);
    const { letters, next } = await context.webhooks.dead(activation, limit, readOffset(cursor));
    return {
      data: letters.map(formatLetter),
      next_cursor: next === undefined ? null : packCursor(next),
    };
  },
});

const redeliverDeadLetters = route({
  method: 'POST',
  path: `${ONE}/dead-letters/redeliver`,
  need: 'write_catalog',
  summary: 'Try dead letters again: all, or those of some ids',
  description: 'They come after what is pending of their records, under the ids that they had.',
  // Without a body: all of them.
  bodyIsOptional: true,
  body: redeliverBody,
  answers: { 202: Type.Object({ redelivered: Type.Integer() }) },
  refusals: [...UNKNOWN_CODES, 'body_malformed', 'body_invalid'],
  handler: async ({ params, body }, context, reply) => {
    const redelivered = await context.webhooks.redeliver(await find(params, context), body.ids);
    return reply.code(202).send({ redelivered });
  },
});

export const ACTIVATION_ROUTES = {
  listAllActivations,
  listActivations,
  createActivation,
  getActivation,
  patchActivation,
  deleteActivation,
  enableActivation,
  testActivation,
  syncActivation,
  getSync,
  listDeadLetters,
  redeliverDeadLetters,
};

type ActivationPath = Readonly<Record<'slug' | 'activation', string>>;

/** @throws Problem view_unknown | activation_unknown */
function find(
  { slug, activation }: ActivationPath,
  { deployment: { activations } }: RouteContext,
): Promise<StoredActivation> {
  return activations.find(slug, activation);
}

/** A caller that may not change an activation sees only the origin of its URL. */
async function shown(
  activation: StoredActivation,
  { webhooks }: RouteContext,
  isWhole = true,
): Promise<Record<string, unknown>> {
  const answer = formatActivation(activation, await webhooks.state(activation));
  return isWhole ? answer : { ...answer, url: shownTarget(activation.url) };
}

/** In the order of views, and of one view in that of creation. */
function placeOf({ view, created_at: createdAt, id }: StoredActivation): string {
  return `${view}/${String(createdAt).padStart(16, '0')}/${id}`;
}

function mayChange(caller: Caller | undefined): boolean {
  const capabilities: readonly Capability[] = caller ? ROLE_CAPABILITIES[caller.role] : [];
  return capabilities.includes('write_catalog');
}

/** @throws Problem cursor_invalid */
function readOffset(cursor: string | undefined): number | undefined {
  return cursor === undefined || cursor === '' ? undefined : readCursor(cursor, asOffset);
}
